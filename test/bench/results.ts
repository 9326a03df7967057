import { cpus, release, totalmem } from 'node:os';
import type { ChangeResult } from './change/change.ts';
import { changeTable } from './change/rows.ts';
import type { Load } from './load.ts';
import { BARE } from './paths/bare-envoys.ts';
import { capturedName } from './paths/captured-envoys.ts';
import { WITH_IDENTITIES } from './paths/identity-envoys.ts';
import { type Cell, compare } from './rounds.ts';
import { tableOf } from './table.ts';
import { weightTable } from './weight/rows.ts';
import type { Weight } from './weight/weight.ts';

/** What ours is wanted to reach beside another path. */
interface Wanted {
  readonly to: string;
  readonly atLeast: number;
  readonly loads: (load: Load) => boolean;
}

const acrossHttp = ({ layer, place }: Load): boolean => layer === 'L7' && place === 'across';

const WANTED: readonly Wanted[] = [
  ...[BARE, WITH_IDENTITIES]
    .flatMap(pair => [pair.name, capturedName(pair)])
    .map(to => ({ to, atLeast: 0.95, loads: () => true })),
  ...['sidecar pair', 'sidecar pair, HTTP/2'].map(to => ({ to, atLeast: 1.6, loads: acrossHttp })),
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

/** What was measured; parts that were not asked for are absent. */
export interface Found {
  readonly cells?: readonly Cell[];
  readonly changes?: readonly ChangeResult[];
  readonly weight?: Weight;
}

/** Everything that was measured, as Markdown. */
export function sectionsOf({ cells, changes, weight }: Found, loads: readonly Load[], ours: string): string {
  const sections = [
    ...(cells ? [`## ${WANTED_TRAFFIC}\n\n${wantedTable(cells, loads, ours)}`] : []),
    ...(changes ? [`## ${CHANGE}\n\n${changeTable(changes)}`] : []),
    ...(weight ? [`## ${WEIGHT}\n\n${weightTable(weight)}`] : []),
    ...(cells ? [`## Traffic\n\n${tableOf(cells)}`] : []),
  ];
  return `${sections.join('\n\n').trimEnd()}\n`;
}

const WANTED_TRAFFIC = `Traffic: wanted and reached

Bare Envoys have the hops of ours, and know one caller and one instance. Those with identities have the shape of ours: by hand, they keep
tunnels apart by who calls, tell the instances of a host apart, and judge callers before the application is dialled. Where captured, either
are called as ours are, by a program that is not changed: at a virtual IP, by way of nftables, with the two rules that capture cannot do
without; else at their own ports. So ours stand beside the captured ones with identities like beside like. What these themselves lack of the
others is what capture and identities cost anybody.`;

const CHANGE = `A change in a registry

An instance on another host moves to another port. The clock runs from the registry's acknowledgement (for a file: from its rename) to
the first answer of the new place, for a caller that asks every 2 ms on a kept connection. Changes come at random times.`;

const WEIGHT = `Weight

Every service has three instances, two of them on another host. A start is that of a rebooted host whose Manager is away: nothing runs,
and there are neither rules in the kernel nor sockets; it ends with the first answered call of a workload, by name.`;

/** RESULTS.md. @param command that made the figures. */
export function resultsOf(found: Found, loads: readonly Load[], ours: string, command: string): string {
  const rounds = found.cells?.[0]?.readings.length ?? 0;
  return `# Results of the benchmark

Made by \`${command}\` on ${machine()}; ${rounds} rounds, interleaved. Figures are medians over the rounds, ratios are medians of the
rounds' ratios, ± is half the distance between the quartiles. Everything shares the machine's processors: callers, servers, proxies.
Memory is what is resident when a load ends, of all processes of that name on both hosts together.

${sectionsOf(found, loads, ours)}`;
}
