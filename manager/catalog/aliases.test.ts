import test from 'ava';
import { Aliases } from './aliases.ts';

type Claim = readonly [hostname: string, rank: number];

const CASES: readonly [what: string, claims: readonly [Claim, ...Claim[]], owner: string][] = [
  [
    'the better rank, though its name comes later',
    [
      ['a', 1],
      ['b', 0],
    ],
    'b',
  ],
  [
    'the better rank, though it came later',
    [
      ['b', 1],
      ['a', 0],
    ],
    'a',
  ],
  [
    'of one rank the name that comes first',
    [
      ['b', 1],
      ['a', 1],
      ['c', 1],
    ],
    'a',
  ],
  ['the only one', [['c', 7]], 'c'],
  [
    'a service by the rank that it says last',
    [
      ['a', 0],
      ['b', 1],
      ['a', 2],
    ],
    'b',
  ],
];

for (const [what, claims, owner] of CASES)
  test(`an alias goes to ${what}`, t => {
    const aliases = new Aliases();
    for (const [hostname, rank] of claims) aliases.set(hostname, ['web'], rank);
    t.is(aliases.owner('web'), owner);
  });

test('who claims or gives up an alias is told what moved, and who else lost or won it', t => {
  const aliases = new Aliases();
  t.deepEqual(aliases.set('b', ['web', 'own'], 1), { moved: ['web', 'own'], touched: new Set() });
  t.deepEqual(aliases.set('c', ['web'], 2), { moved: [], touched: new Set() });
  t.deepEqual(aliases.set('a', ['web'], 0), { moved: ['web'], touched: new Set(['b']) });
  t.deepEqual(aliases.set('a', [], 0), { moved: ['web'], touched: new Set(['b']) });
  t.deepEqual(aliases.set('b', ['own'], 1), { moved: ['web'], touched: new Set(['c']) });
  t.deepEqual([aliases.owner('web'), aliases.owner('own'), aliases.owner('none')], ['c', 'b', undefined]);
});
