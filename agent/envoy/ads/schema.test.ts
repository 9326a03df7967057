import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { readProtos } from './protos.ts';
import { loadSchema, ROOTS, SCHEMA_FILE } from './schema.ts';

test('schema.json says what the protos say', async t => {
  const types = Object.entries(readProtos(ROOTS)).map(
    ([name, type]) => `${JSON.stringify(name)}: ${JSON.stringify(type)}`,
  );
  const wanted = `{\n${types.join(',\n')}\n}\n`;
  const found = await readFile(SCHEMA_FILE, 'utf8').catch(() => '');
  if (found !== wanted) await writeFile(SCHEMA_FILE, wanted);
  t.true(
    found === wanted,
    'the protos or what is used of them changed: schema.json was written anew, look at it and run this again',
  );
});

test('types inside types are there', t => {
  const { resources, request } = loadSchema();
  const cluster = resources['type.googleapis.com/envoy.config.cluster.v3.Cluster'];
  const field = cluster.fields['eds_cluster_config']!.resolve();
  t.is(field.resolvedType?.fullName, '.envoy.config.cluster.v3.Cluster.EdsClusterConfig');
  t.is(request.fields['initial_resource_versions']!.resolve().map, true);
});
