import { type Cell, mediansOf, rowOf } from './rounds.ts';
import { spread } from './statistics.ts';

const COLUMNS = ['path', 'requests/s', 'of direct', '±', 'p50 ms', 'p99 ms', 'CPU µs a request', 'memory MB'] as const;

/** What each group of processes took: `envoy 61.2, agent 0.3`. */
function byGroup(medians: ReadonlyMap<string, number>): string {
  return [...medians].map(([name, value]) => `${name} ${value.toFixed(1)}`).join(', ');
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
  const cpu = byGroup(mediansOf(cell, reading => reading.cpuMicros));
  const memory = byGroup(mediansOf(cell, reading => reading.memoryMegabytes));
  const columns = [row.path, row.rps, row.ratioToDirect.toFixed(3), percent, row.p50Ms, row.p99Ms, cpu, memory];
  return `| ${columns.join(' | ')} |`;
}
