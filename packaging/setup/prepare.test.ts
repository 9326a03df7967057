import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { EnvoyBinaryError } from '../../agent/envoy/binary.ts';
import { silentLogger } from '../../manager/model/util/log.ts';
import { makeFolder } from '../../test/folders.ts';
import { prepareEnvoy } from './prepare.ts';

/** A program that tells the version of an Envoy. */
async function envoy(t: ExecutionContext, version: string): Promise<string> {
  const folder = makeFolder('prepare');
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'my-envoy');
  await writeFile(path, `#!/bin/sh\necho "envoy  version: 9e55/${version}/Clean/RELEASE/BoringSSL"\n`);
  await chmod(path, 0o755);
  return path;
}

test('a configured Envoy of the right version is the one that runs', async t => {
  const path = await envoy(t, '1.40.0');
  t.is(await prepareEnvoy(silentLogger, AbortSignal.timeout(30_000), path), path);
});

test('in place of a configured Envoy of another version none is found or fetched', async t => {
  const path = await envoy(t, '1.39.2');
  const error = await t.throwsAsync(prepareEnvoy(silentLogger, AbortSignal.timeout(30_000), path));
  t.true(error instanceof EnvoyBinaryError);
  t.regex(
    error!.message,
    /my-envoy: it is version 1\.39\.2; Isthmus needs 1\.40\.0\. To mend: .* envoy\.path in agent\.yaml/,
  );
});
