import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventually } from '../../../test/eventually.ts';
import { makeFolder } from '../../../test/folders.ts';
import { readIfThere, readPlain, sweepUnfinished, writeAtomic } from './files.ts';

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

test('of what is no plain file nothing is read, and nobody is waited for', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  const [pipe, file] = [join(folder, 'pipe'), join(folder, 'file')];
  execFileSync('mkfifo', [pipe]);
  await writeFile(file, 'secret');
  for (const path of [pipe, folder, '/dev/null'])
    await t.throwsAsync(readPlain(path), { message: `cannot read ${path}: it is no plain file` });
  await t.throwsAsync(readPlain(join(folder, 'none')), { code: 'ENOENT' });
  t.is(String(await readPlain(file)), 'secret');
});

test('a write that fails leaves no temporary file behind', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'file'), '');
  await t.throwsAsync(writeAtomic(join(folder, 'file', 'below'), 'x'));
  await t.throwsAsync(writeAtomic(folder, 'x'));
  t.deepEqual(await readdir(folder), ['file']);
});

test('what a writer that was killed has left is removed, and nothing else', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'below'));
  // It writes without end, so that it can be held in the middle.
  const writer = `
    import { writeAtomic } from '${new URL('files.ts', import.meta.url).href}';
    console.log('begun');
    for (;;) await writeAtomic(process.argv[1], Buffer.alloc(64 * 1024 * 1024));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, join(folder, 'below', 'key')]);
  await once(child.stdout, 'data');
  const unfinished = async (): Promise<string[]> =>
    (await readdir(join(folder, 'below'))).filter(name => name.endsWith('.tmp'));
  const held = async (): Promise<string[]> => {
    child.kill('SIGSTOP');
    const names = await unfinished();
    if (names.length === 0) child.kill('SIGCONT');
    return names;
  };
  await eventually('a write under way', held, names => names.length > 0, { timeoutMs: 10_000, pauseMs: 1 });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const [left] = await unfinished();
  await writeFile(join(folder, 'notes.tmp'), '');
  await sweepUnfinished(folder);
  t.deepEqual(await unfinished(), [left], 'it may be under way still');
  for (const name of [`below/${left}`, 'notes.tmp']) await utimes(join(folder, name), 0, 0);
  await sweepUnfinished(folder);
  t.deepEqual(await unfinished(), []);
  t.true((await readdir(folder)).includes('notes.tmp'));
});
