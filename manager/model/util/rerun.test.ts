import test from 'ava';
import { rerun } from './rerun.ts';

test('calls during a run are served by one more run, whatever came of the first', async t => {
  let runs = 0;
  let active = 0;
  const errors: unknown[] = [];
  const again = rerun(
    async () => {
      runs += 1;
      active += 1;
      t.is(active, 1);
      await new Promise(resolve => setImmediate(resolve));
      active -= 1;
      if (runs === 1) throw new Error('first');
    },
    error => errors.push(error),
  );
  await Promise.all([again.call(), again.call(), again.call()]);
  t.is(runs, 2);
  t.is(errors.length, 1);
  await again.call();
  t.is(runs, 3);
});
