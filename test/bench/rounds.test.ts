import test from 'ava';
import { type Cell, compare, failuresOf, rowOf } from './rounds.ts';

const cell = (
  path: string,
  rates: readonly number[],
  direct: readonly number[],
  failed = 0,
  memory: readonly number[] = [],
): Cell => ({
  path,
  load: 'L7',
  readings: rates.map((rps, i) => ({
    sample: { rps, requests: rps, p50Ms: 1, p99Ms: 2, failed },
    ratioToDirect: rps / direct[i]!,
    cpuMicros: new Map(),
    memoryMegabytes: new Map(memory.length > 0 ? [['envoy', memory[i]!]] : []),
  })),
});

test('the ratio is the median of the ratios of the rounds', t => {
  const direct = [100, 1000, 200];
  t.deepEqual(rowOf(cell('ours', [50, 100, 40], direct)), {
    path: 'ours',
    load: 'L7',
    rps: 50,
    ratioToDirect: 0.2,
    p50Ms: 1,
    p99Ms: 2,
  });
});

test('memory is the median over the rounds, for each group; the rest of the row is as without', t => {
  const rates = [1, 1, 1];
  const plain = rowOf(cell('ours', rates, rates));
  t.deepEqual(rowOf(cell('ours', rates, rates, 0, [70, 90.16, 400])), { ...plain, memoryMegabytes: { envoy: 90.2 } });
});

test('two paths are compared round by round', t => {
  const cells = [cell('a', [10, 100, 30], [1, 1, 1]), cell('b', [5, 100, 10], [1, 1, 1])];
  t.is(compare(cells, 'L7', 'a', 'b')?.ratio, 2);
  t.is(compare(cells, 'L7', 'a', 'c'), undefined);
});

test('failed requests are told by path and load', t => {
  t.deepEqual(failuresOf([cell('a', [1], [1]), cell('b', [1, 1], [1, 1], 2)]), ['b, L7: 4 requests failed']);
});
