import test from 'ava';
import { type Part, type Resource, resource, TYPE } from '../../compile/resource.ts';
import { blame } from './blame.ts';

const part = (name: string, content: string = name): Part => ({ content, origins: [`service ${name}`, 'shared'] });
const table = (...parts: readonly Part[]): Resource => ({ ...whole, parts });
const whole = resource(TYPE.routes, 'out/80', {}, ['all']);

const CASES: readonly (readonly [why: string, refused: Resource, good: Resource | undefined, blamed: string[]])[] = [
  ['a part that changed', table(part('a'), part('b', 'new')), table(part('a'), part('b')), ['service b', 'shared']],
  ['a part that came', table(part('b'), part('a')), table(part('a')), ['service b', 'shared']],
  [
    'several, each origin once',
    table(part('a', 'x'), part('b', 'y')),
    table(part('a'), part('b')),
    ['service a', 'shared', 'service b'],
  ],
  ['all, when a part only went', table(part('a')), table(part('a'), part('b')), ['all']],
  ['all, when nothing was good', table(part('a')), undefined, ['all']],
  ['all, when the parts of the good one are not known', table(part('a')), whole, ['all']],
  ['all of what has no parts', whole, table(part('a')), ['all']],
];

for (const [why, refused, good, blamed] of CASES) test(why, t => t.deepEqual(blame(refused, good), blamed));
