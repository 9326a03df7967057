import test from 'ava';
import { changeFailures, changeRow, changeTable } from './rows.ts';

const took = (...tookMs: number[]): readonly [{ registry: 'file'; tookMs: number[]; failed: number }] => [
  { registry: 'file', tookMs, failed: 0 },
];

test('the 99th percentile of few changes lies between the longest two', t => {
  const row = changeRow(took(...Array.from({ length: 101 }, (_, index) => index))[0]);
  t.deepEqual(row, { registry: 'file', changes: 101, p50Ms: 50, p99Ms: 99, longestMs: 100 });
});

test('what was wanted stands beside what was reached', t => {
  t.regex(changeTable(took(20, 99)), /\| file \| 2 \| .*\| ≤ 100 \| reached \|/);
  t.regex(changeTable(took(20, 300)), /\| missed \|/);
});

test('calls that failed are named', t => {
  t.deepEqual(changeFailures(took(1)), []);
  t.deepEqual(changeFailures([{ registry: 'consul', tookMs: [1], failed: 2 }]), [
    '2 calls failed while instances moved in consul',
  ]);
});
