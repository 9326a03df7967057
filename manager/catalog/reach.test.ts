import test from 'ava';
import type { Instance } from '../model/instance.ts';
import { NOWHERE } from '../model/locality.ts';
import { type Reached, standing } from './reach.ts';

const reached = (id: string, heard: boolean): Reached => {
  const instance: Instance = {
    id,
    source: 'file',
    address: '10.0.0.1',
    ports: { http: 80 },
    weight: 1,
    labels: {},
    locality: NOWHERE,
    network: '',
    health: 'healthy',
    reach: { kind: 'direct' },
  };
  return { instance, heard };
};

const cases: readonly [string, readonly Reached[], readonly string[]][] = [
  ['all are heard of', [reached('a', true), reached('b', true)], ['a healthy', 'b healthy']],
  ['those that are not are left out', [reached('a', false), reached('b', true)], ['b healthy']],
  [
    'when none is heard of, all stay as unhealthy',
    [reached('a', false), reached('b', false)],
    ['a unhealthy', 'b unhealthy'],
  ],
  ['none at all', [], []],
];

for (const [what, input, expected] of cases)
  test(`instances that stand: ${what}`, t => {
    t.deepEqual(
      standing(input).map(({ id, health }) => `${id} ${health}`),
      expected,
    );
  });
