import { quantile } from '../statistics.ts';
import { type Aim, verdictOf } from '../verdict.ts';
import type { ChangeResult } from './change.ts';

/** What is wanted at the 99th percentile, milliseconds. */
const WANTED_P99_MS: Readonly<Record<ChangeResult['registry'], number>> = { file: 100, consul: 150, zookeeper: 150 };

/** One line of the result. */
export interface ChangeRow {
  readonly registry: ChangeResult['registry'];
  readonly changes: number;
  readonly p50Ms: number;
  /** Interpolated: of 100 changes, between the longest and the one before. */
  readonly p99Ms: number;
  readonly longestMs: number;
}

const round = (value: number): number => Number(value.toFixed(1));

export function changeRow({ registry, tookMs }: ChangeResult): ChangeRow {
  return {
    registry,
    changes: tookMs.length,
    p50Ms: round(quantile(tookMs, 0.5)),
    p99Ms: round(quantile(tookMs, 0.99)),
    longestMs: round(Math.max(...tookMs)),
  };
}

/** The changes as a Markdown table, beside what is wanted. */
export function changeTable(results: readonly ChangeResult[]): string {
  const lines = results.map(result => {
    const { registry, changes, p50Ms, p99Ms, longestMs } = changeRow(result);
    const aim: Aim = { atMost: WANTED_P99_MS[registry], found: p99Ms };
    return `| ${[registry, changes, p50Ms, p99Ms, longestMs, `≤ ${aim.atMost}`, verdictOf(aim)].join(' | ')} |`;
  });
  return [
    '| registry | changes | p50 ms | p99 ms | longest ms | wanted p99 | |',
    `|${'---|'.repeat(7)}`,
    ...lines,
  ].join('\n');
}

/** Calls that failed while instances moved, one line a registry. */
export function changeFailures(results: readonly ChangeResult[]): readonly string[] {
  return results.flatMap(({ registry, failed }) =>
    failed === 0 ? [] : [`${failed} calls failed while instances moved in ${registry}`],
  );
}
