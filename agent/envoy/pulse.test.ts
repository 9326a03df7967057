import { type ChildProcess, spawn } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../../test/eventually.ts';
import { Pulse, type Sign } from './pulse.ts';

const TIMES = { askMs: 10, silentMs: 50, hungMs: 400 };

/** Runs until the test ends. */
function child(t: ExecutionContext, ...[file = '', ...args]: string[]): ChildProcess {
  const running = spawn(file, args, { stdio: 'ignore' });
  t.teardown(() => running.kill('SIGKILL'));
  return running;
}

/** Whether it is taken for one that hangs, within three times as long as that takes. */
async function hangs(pulse: Pulse, answer: () => Sign): Promise<boolean> {
  const end = performance.now() + 3 * TIMES.hungMs;
  return await eventually(
    'a verdict',
    () => pulse.beat(() => Promise.resolve(answer())),
    hung => hung || performance.now() > end,
    { pauseMs: 10 },
  );
}

test('a process that neither answers nor works hangs', async t => {
  const pulse = new Pulse(child(t, 'sleep', '60').pid!, TIMES);
  const begun = performance.now();
  t.is(pulse.silentSince, undefined);
  t.true(await hangs(pulse, () => 'silent'));
  t.true(performance.now() - begun >= TIMES.hungMs);
  t.true(Math.abs(pulse.silentSince! - Date.now() + (performance.now() - begun)) < 100);
});

test('one that works does not', async t => {
  const pulse = new Pulse(child(t, 'sh', '-c', 'while :; do :; done').pid!, TIMES);
  t.false(await hangs(pulse, () => 'silent'));
  t.not(pulse.silentSince, undefined);
});

test('one that cannot be asked does not', async t => {
  const pulse = new Pulse(child(t, 'sleep', '60').pid!, TIMES);
  t.false(await hangs(pulse, () => 'absent'));
  t.not(pulse.silentSince, undefined);
});

test('one that answers now and then does not', async t => {
  const pulse = new Pulse(child(t, 'sleep', '60').pid!, TIMES);
  let answered = performance.now();
  const answer = (): Sign => {
    if (performance.now() - answered < TIMES.hungMs / 2) return 'silent';
    answered = performance.now();
    return 'not live';
  };
  t.false(await hangs(pulse, answer));
});

test('what was not heard while this process was held up does not count', async t => {
  const pulse = new Pulse(child(t, 'sleep', '60').pid!, TIMES);
  await hangs(pulse, () => 'silent');
  pulse.late();
  t.is(pulse.silentSince, undefined);
  t.false(await pulse.beat(() => Promise.resolve('silent')));
});
