import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { gone, isAlive, processRef, sendSignal } from './process-ref.ts';

test('a process is known by number and start, and a later one of the same number is not it', async t => {
  const child = spawn('/bin/sleep', ['60']);
  await once(child, 'spawn');
  const ref = await processRef(child.pid!);
  t.true(await isAlive(ref!));
  t.false(await isAlive({ ...ref!, start: ref!.start - 1 }));
  t.false(await sendSignal({ ...ref!, start: ref!.start - 1 }, 'SIGKILL'));
  t.true(await isAlive(ref!));
  const over = gone(ref!, AbortSignal.timeout(5_000));
  t.true(await sendSignal(ref!, 'SIGKILL'));
  await over;
  t.is(await processRef(child.pid!), undefined);
});

test('waiting for the end of a process ends with its signal', async t => {
  const ref = await processRef(process.pid);
  await t.throwsAsync(gone(ref!, AbortSignal.timeout(10)), { name: 'AbortError' });
});
