import test from 'ava';
import { LOADS } from './load.ts';
import { wantedTable } from './results.ts';
import type { Cell } from './rounds.ts';
import { tableOf } from './table.ts';

const cell = (path: string, rps: number): Cell => ({
  path,
  load: 'L7 keep-alive across',
  readings: [
    {
      sample: { rps, requests: rps, p50Ms: 1, p99Ms: 2, failed: 0 },
      ratioToDirect: 1,
      cpuMicros: new Map([
        ['envoy', 61.24],
        ['agent', 0],
      ]),
      memoryMegabytes: new Map([
        ['envoy', 105.16],
        ['agent', 118],
      ]),
    },
  ],
});

test('what was wanted stands beside what was reached', t => {
  const table = wantedTable([cell('ours', 96), cell('bare Envoys', 100), cell('sidecar pair', 80)], LOADS, 'ours');
  t.regex(table, /bare Envoys \| ≥ 0\.95 \| 0\.96 \| 0\.0% \| reached/);
  t.regex(table, /sidecar pair \| ≥ 1\.6 \| 1\.20 \| 0\.0% \| missed/);
});

test('processor time and memory stand side by side, by what took them', t => {
  const table = tableOf([cell('ours', 96)]);
  t.regex(table, /\| p99 ms \| CPU µs a request \| memory MB \|\n\|(---\|){8}\n/);
  t.regex(table, /\| 2 \| envoy 61\.2, agent 0\.0 \| envoy 105\.2, agent 118\.0 \|\n/);
});
