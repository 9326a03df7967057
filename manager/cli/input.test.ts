import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startApi } from '../api/fixture.ts';
import { INSPECT } from './fixture.ts';
import { ok, ROUTES, RULE, run, write } from './fixture-run.ts';

test('of a folder, links to files are read, and what is hidden is not', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const folder = join(api.directory, 'mesh');
  mkdirSync(join(folder, '..2026'), { recursive: true });
  mkdirSync(join(folder, 'sub'));
  // As a ConfigMap is mounted.
  writeFileSync(join(folder, '..2026', 'rule.yaml'), RULE);
  symlinkSync('..2026', join(folder, '..data'));
  symlinkSync('..data/rule.yaml', join(folder, 'rule.yaml'));
  symlinkSync('root@host.1', join(folder, 'sub', '.#routes.yaml'));
  writeFileSync(join(folder, 'sub', 'routes.yaml'), ROUTES);
  t.is((await ok(t, api, `validate -f ${folder}`)).out, '2 objects right\n');
  symlinkSync('gone', join(folder, 'sub', 'broken.yaml'));
  t.regex((await run(api, `validate -f ${folder}`)).err, /^Cannot read .*\/mesh\/sub\/broken\.yaml: ENOENT/);
});

test('of an object that is there twice both places are named, and neither is applied', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const [a, b] = [write(api, 'a.yaml', RULE), write(api, 'b.yaml', `${ROUTES}---\n${RULE.replace('v2', 'v3')}`)];
  const { code, out, err } = await run(api, `apply -f ${a} -f ${b}`);
  t.is(code, 1);
  t.is(out, 'virtualservice.networking.istio.io/reviews created\n');
  const said = `${b}:15:12: metadata.name: DestinationRule default/reviews is in ${a}:1:1 already; keep one of the two\n`;
  t.true(err.startsWith(said), err);
  const elsewhere = RULE.replace('{name: reviews}', '{name: reviews, namespace: shop}');
  t.is((await ok(t, api, 'validate -f -', `${RULE}---\n${elsewhere}`)).out, '2 objects right\n');
});

test('a file that is named twice is read once', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const file = write(api, 'a.yaml', RULE);
  const folder = join(api.directory, 'files');
  t.is((await ok(t, api, `validate -f ${folder} -f ${file} -f ${folder}/./a.yaml`)).out, '1 object right\n');
  t.is((await ok(t, api, 'validate -f - -f -', RULE)).out, '1 object right\n');
});

test('an object of another namespace than the command line names is named, and left alone', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const elsewhere = RULE.replace('{name: reviews}', '{name: reviews, namespace: shop}');
  const file = write(api, 'a.yaml', `${elsewhere}---\n${ROUTES}`);
  const { code, out, err } = await run(api, `apply -n front -f ${file}`);
  t.is(code, 1);
  t.is(out, 'virtualservice.networking.istio.io/reviews created\n');
  const line = `${file}:3:27: metadata.namespace: is "shop", and -n says "front"; leave out one of the two\n`;
  t.true(err.startsWith(line), err);
  t.notRegex((await ok(t, api, 'get dr')).out, /shop/);
  t.regex((await run(api, `delete -n front -f ${file}`)).err, /metadata\.namespace: is "shop"/);
  t.is((await ok(t, api, 'validate -n shop -f -', elsewhere)).out, '1 object right\n');
});
