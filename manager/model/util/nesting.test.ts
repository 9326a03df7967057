import test from 'ava';
import { isNestedTooDeep, MAXIMUM_LEVELS } from './nesting.ts';

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

test('so many levels are not too deep, and one more is', t => {
  t.false(isNestedTooDeep(nested(MAXIMUM_LEVELS)));
  t.true(isNestedTooDeep(nested(MAXIMUM_LEVELS + 1)));
  t.true(isNestedTooDeep({ a: 1, b: { c: nested(100_000) } }));
  for (const value of [undefined, null, 1, 'a', {}, []]) t.false(isNestedTooDeep(value));
});

test('what holds itself is too deep', t => {
  const value: Record<string, unknown> = { a: 1 };
  value['b'] = [value, value];
  t.true(isNestedTooDeep(value));
});
