import test from 'ava';
import { Callers } from './callers.ts';

test('who left counts until its listener is drained, and no longer', t => {
  const callers = new Callers([], 100);
  t.true(callers.update(['web', 'other'], 0));
  t.false(callers.update(['web', 'other'], 10));
  t.false(callers.update(['web'], 20), 'remembered as before');
  t.deepEqual([callers.left(), callers.next], [['other'], 120]);
  t.true(callers.update(['web'], 120));
  t.deepEqual([callers.left(), callers.next], [[], undefined]);
});

test('who comes back is here', t => {
  const callers = new Callers([], 100);
  callers.update(['other'], 0);
  callers.update([], 10);
  callers.update(['other'], 20);
  t.deepEqual(callers.left(), []);
});

test('who left while no agent ran counts for the next', t => {
  const before = new Callers([], 100);
  before.update(['web', 'other'], 0);
  const callers = new Callers(JSON.parse(JSON.stringify(before)), 100);
  callers.update(['web'], 0);
  t.deepEqual(callers.left(), ['other']);
});
