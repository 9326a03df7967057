import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startApi } from '../api/fixture.ts';
import { INSPECT } from './fixture.ts';
import { ok, ROUTES, RULE, run } from './fixture-run.ts';

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
