import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { debounce } from './debounce.ts';

test('calls without end hold up no run beyond the ceiling, counted from the first', async t => {
  const ran = Promise.withResolvers<number>();
  // Were quiet waited for, it would never come: there is a call in each turn of the event loop.
  const debounced = debounce(() => ran.resolve(performance.now()), 10_000, 100);
  const begun = performance.now();
  let at: number | undefined;
  void ran.promise.then(now => {
    at = now;
  });
  while (at === undefined && performance.now() - begun < 5_000) {
    debounced.call();
    await turn();
  }
  debounced.cancel();
  // Timers count whole milliseconds, from the turn's beginning: each rearming may take one or two off.
  t.true(at !== undefined && at - begun >= 95, `ran after ${(at ?? Number.NaN) - begun} ms`);
});

test('many calls at once are one run, and one that was cancelled is none', async t => {
  let runs = 0;
  const ran = Promise.withResolvers<void>();
  const debounced = debounce(
    () => {
      runs += 1;
      ran.resolve();
    },
    5,
    1_000,
  );
  const cancelled = debounce(() => t.fail(), 1, 1);
  cancelled.call();
  cancelled.cancel();
  for (let call = 0; call < 100; call += 1) debounced.call();
  await ran.promise;
  t.is(runs, 1);
});
