import test from 'ava';
import { Doubles } from './doubles.ts';

const TURNS: readonly [what: string, startedAt: readonly number[], isFound: boolean][] = [
  ['one agent that reports on', [1, 1, 1], false],
  ['an agent and its successor', [1, 1, 2, 2], false],
  ['an agent whose clock was set back', [1, 3, 2, 2], false],
  ['two agents by turns', [1, 2, 1, 2, 1], true],
];

for (const [what, turns, isFound] of TURNS)
  test(`${what}: ${isFound ? 'two machines' : 'one machine'}`, t => {
    const doubles = new Doubles(() => 0);
    for (const startedAt of turns) doubles.look('a', `10.0.0.${startedAt}`, { startedAt });
    t.is(doubles.found('a') !== undefined, isFound);
  });

test('two machines are warned of once, with their addresses, and shown for as long as they go on', t => {
  let now = 0;
  const doubles = new Doubles(() => now);
  const turn = (startedAt: number): string | undefined => doubles.look('a', `10.0.0.${startedAt}`, { startedAt });
  t.deepEqual([turn(1), turn(2), turn(1), turn(2)], [undefined, undefined, undefined, undefined]);
  t.regex(turn(1) ?? '', /at 10\.0\.0\.2 and 10\.0\.0\.1; if a disk was cloned/);
  t.deepEqual([turn(2), turn(1)], [undefined, undefined]);
  t.is(doubles.look('a', '10.0.0.1', undefined), undefined);
  t.is(doubles.found('b'), undefined);
  now = 59_999;
  t.is(doubles.found('a')?.resource, 'host a');
  now = 60_000;
  t.is(doubles.found('a'), undefined);
  for (const startedAt of [2, 1, 2, 1]) turn(startedAt);
  t.not(doubles.found('a'), undefined);
  doubles.forget('a');
  t.is(doubles.found('a'), undefined);
});
