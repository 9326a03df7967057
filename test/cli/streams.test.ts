import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { makeFolder } from '../folders.ts';

const ISTHMUS = new URL('../../packaging/bin/isthmus', import.meta.url).pathname;

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`${signal} ends a command that reads from a pipe which nobody writes to`, async t => {
    const folder = makeFolder('streams');
    t.teardown(() => rm(folder, { recursive: true }));
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const child = spawn(ISTHMUS, ['validate', '-f', pipe], { stdio: ['ignore', 'ignore', 'pipe'] });
    const [said, ended] = [text(child.stderr), once(child, 'exit')];
    // Opens once the other side does.
    await using _writer = await open(pipe, 'w');
    child.kill(signal);
    t.deepEqual(await ended, [1, null]);
    t.is(await said, 'Stopped\n');
  });

test('where standard output takes nothing more, one sentence says so', async t => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(ISTHMUS, ['help'], { stdio: ['ignore', full, 'pipe'] });
  const said = text(child.stderr!);
  t.deepEqual(await once(child, 'exit'), [1, null]);
  t.regex(await said, /^Cannot write to standard output: ENOSPC: [^\n]*\n$/);
});
