import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../test/folders.ts';
import { placedDirs } from './paths.ts';

test('what is private in one folder does not shut others out of the next, though nothing above was there', async t => {
  const folder = makeFolder('paths');
  t.teardown(() => rmSync(folder, { recursive: true }));
  const above = join(folder, 'a', 'b');
  const { stateDir } = await placedDirs({
    'config-dir': join(above, 'etc'),
    'state-dir': join(above, 'state'),
    'run-dir': join(above, 'run'),
  });
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  for (const made of [above, join(folder, 'a')]) t.is(statSync(made).mode & 0o055, 0o055, made);
});
