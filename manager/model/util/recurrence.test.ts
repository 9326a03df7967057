import test from 'ava';
import { Recurrence } from './recurrence.ts';

test('what happens so often within the time is frequent, until the time is over', t => {
  let now = 0;
  const falls = new Recurrence(3, 100, () => now);
  for (const at of [0, 60, 120]) {
    now = at;
    falls.note();
    t.false(falls.isFrequent, 'the first is too long ago');
  }
  falls.note();
  t.true(falls.isFrequent);
  now = 160;
  t.true(falls.isFrequent);
  now = 161;
  t.false(falls.isFrequent);
});
