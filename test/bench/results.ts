import { cpus, release, totalmem } from 'node:os';
import type { Load } from './load.ts';
import { type Cell, compare } from './rounds.ts';
import { tableOf } from './table.ts';

/** What ours is wanted to reach beside another path. */
interface Wanted {
  readonly to: string;
  readonly atLeast: number;
  readonly loads: (load: Load) => boolean;
}

const WANTED: readonly Wanted[] = [
  { to: 'bare Envoys', atLeast: 0.95, loads: () => true },
  { to: 'sidecar pair', atLeast: 1.6, loads: load => load.layer === 'L7' && load.place === 'across' },
];

/** The machine in one line. */
export function machine(): string {
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${gibibytes} GiB, Linux ${release()}, Node ${process.version}`;
}

/** One line for each comparison that is wanted: what was reached, and whether it is enough. */
export function wantedTable(cells: readonly Cell[], loads: readonly Load[], ours: string): string {
  const lines = WANTED.flatMap(({ to, atLeast, loads: concerns }) =>
    loads.filter(concerns).flatMap(load => {
      const found = compare(cells, load.name, ours, to);
      if (found === undefined) return [];
      const spread = `${(found.spread * 100).toFixed(1)}%`;
      const verdict = found.ratio >= atLeast ? 'reached' : 'missed';
      return [`| ${load.name} | ${to} | ≥ ${atLeast} | ${found.ratio.toFixed(2)} | ${spread} | ${verdict} |`];
    }),
  );
  return ['| load | beside | wanted | ours | ± | |', '|---|---|---|---|---|---|', ...lines].join('\n');
}

/** RESULTS.md. @param command that made the figures. */
export function resultsOf(cells: readonly Cell[], loads: readonly Load[], ours: string, command: string): string {
  const rounds = cells[0]?.readings.length ?? 0;
  return `# Results of the benchmark

Made by \`${command}\` on ${machine()}; ${rounds} rounds, interleaved. Figures are medians over the rounds, ratios are medians of the
rounds' ratios, ± is half the distance between the quartiles. Everything shares the machine's processors: callers, servers, proxies.

## Wanted and reached

${wantedTable(cells, loads, ours)}

## Traffic

${tableOf(cells)}`;
}
