import { type Cell, rowOf } from './rounds.ts';
import { median, spread } from './statistics.ts';

const COLUMNS = ['path', 'requests/s', 'of direct', '±', 'p50 ms', 'p99 ms', 'CPU µs a request'] as const;

/** Processor time a request, by what used it: `envoy 61.2`. */
export function cpuOf(cell: Cell): string {
  const groups = [...(cell.readings[0]?.cpuMicros.keys() ?? [])];
  return groups
    .map(name => `${name} ${median(cell.readings.map(one => one.cpuMicros.get(name)!)).toFixed(1)}`)
    .join(', ');
}

/** The cells as Markdown tables, one for each load. */
export function tableOf(cells: readonly Cell[]): string {
  const loads = [...new Set(cells.map(cell => cell.load))];
  return loads
    .map(load => {
      const lines = cells.filter(cell => cell.load === load).map(lineOf);
      return `### ${load}\n\n| ${COLUMNS.join(' | ')} |\n|${'---|'.repeat(COLUMNS.length)}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

function lineOf(cell: Cell): string {
  const row = rowOf(cell);
  const variation = spread(cell.readings.map(reading => reading.ratioToDirect));
  const percent = `${(variation * 100).toFixed(1)}%`;
  return `| ${[row.path, row.rps, row.ratioToDirect.toFixed(3), percent, row.p50Ms, row.p99Ms, cpuOf(cell)].join(' | ')} |`;
}
