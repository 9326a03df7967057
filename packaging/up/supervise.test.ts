import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import { supervise } from './supervise.ts';

const SLEEPER = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];

/** Starts supervision; `next` resolves to each process in turn. */
function supervised(argv: readonly string[]) {
  const stop = new AbortController();
  const children: ChildProcess[] = [];
  const waiting: ((child: ChildProcess) => void)[] = [];
  const onStart = (child: ChildProcess): void => {
    const wake = waiting.shift();
    if (wake) wake(child);
    else children.push(child);
  };
  const ended = supervise({ name: 'sleeper', argv, logger: silentLogger, onStart }, stop.signal);
  const next = async (): Promise<ChildProcess> =>
    children.shift() ?? (await new Promise(resolve => waiting.push(resolve)));
  return { stop: () => stop.abort(), ended, next };
}

test('a process that is killed is started again, and ends in order when told', async t => {
  const { stop, ended, next } = supervised(SLEEPER);
  const first = await next();
  first.kill('SIGKILL');
  const second = await next();
  t.not(second.pid, first.pid);
  const exit = once(second, 'exit');
  stop();
  t.deepEqual(await exit, [null, 'SIGTERM']);
  await t.notThrowsAsync(ended);
});

test('one that was used wrongly at its first start is not started again', async t => {
  const { ended } = supervised([process.execPath, '-e', 'process.exit(2)']);
  await t.throwsAsync(ended, { message: 'the sleeper ended with exit code 2: see above' });
});

test('one that fails otherwise is', async t => {
  const { stop, ended, next } = supervised([process.execPath, '-e', 'process.exit(1)']);
  await next();
  await next();
  stop();
  await t.notThrowsAsync(ended);
});
