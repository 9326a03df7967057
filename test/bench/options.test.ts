import test from 'ava';
import { type BenchOptions, parseOptions } from './options.ts';

const parse = (line: string): BenchOptions | undefined =>
  parseOptions(line.split(' ').filter(Boolean), ['direct', 'ours']);

const PARTS: readonly [line: string, parts: readonly string[], complete: boolean][] = [
  ['', ['traffic', 'change', 'weight'], true],
  ['--rounds 3', ['traffic', 'change', 'weight'], true],
  ['--quick --output json', ['traffic'], false],
  ['--path ours', ['traffic'], false],
  ['--load L7', ['traffic'], false],
  ['--only change', ['change'], false],
  ['--only weight --only change --quick', ['weight', 'change'], false],
];
for (const [line, parts, complete] of PARTS)
  test(`what "${line}" measures, and whether RESULTS.md is written`, t => {
    const options = parse(line);
    t.deepEqual(options?.parts, parts);
    t.is(options?.complete, complete);
  });

for (const [line, message] of [
  ['--only all', /--only must be one of traffic, change, weight, not "all"/],
  ['--path nobody', /No path is named nobody/],
  ['--rounds 0', /--rounds must be a whole number/],
] as const)
  test(`"${line}" is refused`, t => {
    t.throws(() => parse(line), { message });
  });
