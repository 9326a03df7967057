import test from 'ava';
import { BeatClock } from './beat-clock.ts';

test('those who sleep for about as long wake in one go', async t => {
  const clock = new BeatClock(40);
  const woken: string[] = [];
  const sleep = async (name: string, ms: number): Promise<void> => {
    await clock.sleep(ms);
    woken.push(name);
    setImmediate(() => woken.push('-'));
  };
  await clock.sleep(40);
  await Promise.all([sleep('a', 80), sleep('b', 78), sleep('c', 83), sleep('later', 160)]);
  t.deepEqual(
    woken.filter(name => name !== '-'),
    ['a', 'b', 'c', 'later'],
  );
  t.is(woken.indexOf('-'), 3);
});

test('a sleep lasts as long as asked for, give or take half a beat', async t => {
  const clock = new BeatClock(20);
  const begun = performance.now();
  for (let turn = 0; turn < 5; turn += 1) await clock.sleep(40);
  t.true(performance.now() - begun >= 5 * 40 - 20 / 2 - 5);
});

test('a signal ends a sleep, and others go on', async t => {
  const clock = new BeatClock(20);
  const stop = new AbortController();
  const [stopped, other] = [clock.sleep(20, stop.signal), clock.sleep(40)];
  stop.abort(new Error('over'));
  await t.throwsAsync(stopped, { message: 'over' });
  await other;
  await t.throwsAsync(clock.sleep(20, stop.signal), { message: 'over' });
});

test('a sleep of nothing ends, with the next beat', async t => {
  const clock = new BeatClock(10);
  await clock.sleep(0);
  await clock.sleep(0);
  t.pass();
});
