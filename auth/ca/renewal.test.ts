import test from 'ava';
import { renewAt } from './renewal.ts';

const MINUTE = 60_000;
const CASES: readonly [what: string, life: number, random: number, due: number][] = [
  ['at half its life', 1_000 * MINUTE, 0, 500 * MINUTE],
  ['a tenth of its life earlier at the most', 1_000 * MINUTE, 1, 400 * MINUTE],
  ['not within a minute, though it lives for one only', MINUTE, 0, MINUTE],
  ['not at once, though it ended before it was issued', -5 * MINUTE, 0, MINUTE],
];

for (const [what, life, random, due] of CASES)
  test(`a certificate is renewed ${what}`, t => {
    t.is(renewAt(7, 7 + life, random), 7 + due);
  });
