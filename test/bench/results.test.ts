import test from 'ava';
import { LOADS } from './load.ts';
import { wantedTable } from './results.ts';
import type { Cell } from './rounds.ts';

const cell = (path: string, rps: number): Cell => ({
  path,
  load: 'L7 keep-alive across',
  readings: [{ sample: { rps, requests: rps, p50Ms: 1, p99Ms: 2, failed: 0 }, ratioToDirect: 1, cpuMicros: new Map() }],
});

test('what was wanted stands beside what was reached', t => {
  const table = wantedTable([cell('ours', 96), cell('bare Envoys', 100), cell('sidecar pair', 80)], LOADS, 'ours');
  t.regex(table, /bare Envoys \| ≥ 0\.95 \| 0\.96 \| 0\.0% \| reached/);
  t.regex(table, /sidecar pair \| ≥ 1\.6 \| 1\.20 \| 0\.0% \| missed/);
});
