import test from 'ava';
import { split } from './isolate.ts';

const CASES: readonly (readonly [why: string, names: string[], reason: string, groups: string[][]])[] = [
  [
    'named ones come alone, after the others',
    ['a', 'b', 'c'],
    'Error adding/updating cluster(s) b: bad',
    [['a', 'c'], ['b']],
  ],
  [
    'a name within a longer one does not count',
    ['out|a|80|', 'out|a|80|v1', 'x'],
    'cluster(s) out|a|80|v1: bad',
    [['out|a|80|', 'x'], ['out|a|80|v1']],
  ],
  ['nobody named: halves', ['a1', 'b2', 'c3'], 'something is wrong', [['a1', 'b2'], ['c3']]],
  ['all named: halves', ['x1', 'x2'], 'x1: bad, x2: bad', [['x1'], ['x2']]],
];

for (const [why, names, reason, groups] of CASES) test(why, t => t.deepEqual(split(names, reason), groups));
