import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../../test/folders.ts';
import { readIfThere, writeAtomic } from './files.ts';

test('a file is written whole, private, and in folders that were missing', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'a', 'b.json');
  t.is(await readIfThere(path), undefined);
  await writeAtomic(path, 'one');
  await writeAtomic(path, 'two');
  t.is(String(await readIfThere(path)), 'two');
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.deepEqual(await readdir(join(folder, 'a')), ['b.json']);
});

test('a write that fails leaves no temporary file behind', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'file'), '');
  await t.throwsAsync(writeAtomic(join(folder, 'file', 'below'), 'x'));
  await t.throwsAsync(writeAtomic(folder, 'x'));
  t.deepEqual(await readdir(folder), ['file']);
});
