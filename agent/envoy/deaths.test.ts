import test from 'ava';
import { Deaths } from './deaths.ts';

test('a proxy that dies again and again is told of, also while one runs; one that died now and then is not', t => {
  let now = 0;
  const deaths = new Deaths(() => now);
  const die = (pid: number): void => {
    const one = { pid, start: 1 };
    t.true(deaths.died(one, `death ${pid}`));
    t.false(deaths.died(one, 'the same, told of again'));
    deaths.replaced();
  };
  die(1);
  now += 200_000;
  die(2);
  now += 200_000;
  die(3);
  t.is(deaths.status().dying, undefined, 'the first is long ago');
  now += 50_000;
  die(4);
  t.is(deaths.status().dying, 'died 3 times within 5 minutes, and is started again each time: death 4');
  now += 100_000;
  t.is(deaths.status().dying, undefined, 'it has lived for a while');
});
