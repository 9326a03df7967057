import test from 'ava';
import { median, quantile, spread } from './statistics.ts';

test('the median of an even count lies between the two middle values', t => {
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([3, 1, 2]), 2);
});

test('a quantile is interpolated between neighbours', t => {
  t.is(quantile([0, 10], 0.99), 9.9);
  t.is(quantile([7], 0.99), 7);
  t.throws(() => quantile([], 0.5), { instanceOf: RangeError });
});

test('the spread of equal values is nothing', t => {
  t.is(spread([5, 5, 5]), 0);
  t.is(spread([8, 9, 10, 11, 12]), 0.1);
});
