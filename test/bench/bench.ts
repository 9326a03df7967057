import { writeFile } from 'node:fs/promises';
import { messageOf } from '../../manager/model/util/errors.ts';
import { createLogger } from '../../packaging/log/winston.ts';
import { BENCH_NEEDS, installMissing, TEST_NEEDS } from '../../packaging/setup/debian.ts';
import { prepareHost } from '../../packaging/setup/prepare.ts';
import { measureChanges } from './change/change.ts';
import { changeFailures, changeRow } from './change/rows.ts';
import { LOADS } from './load.ts';
import { type BenchOptions, HELP, type Part, parseOptions } from './options.ts';
import { BASELINES, OURS } from './paths/index.ts';
import { type Found, resultsOf, sectionsOf } from './results.ts';
import { failuresOf, rowOf } from './rounds.ts';
import { traffic } from './traffic.ts';
import { weightRow } from './weight/rows.ts';
import { weigh } from './weight/weight.ts';

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** Runs the wanted parts, one after the other: each has the machine for itself. */
async function run(options: BenchOptions, envoy: string): Promise<Found> {
  const { parts, quick } = options;
  const wanted = (part: Part): boolean => parts.includes(part);
  const cells = wanted('traffic') ? await traffic(options, envoy, progress) : undefined;
  const changes = wanted('change') ? await measureChanges(quick ? 20 : 100, progress) : undefined;
  const weight = wanted('weight')
    ? await weigh({ idleSeconds: quick ? 10 : 30, starts: quick ? 3 : 9, progress })
    : undefined;
  return { ...(cells && { cells }), ...(changes && { changes }), ...(weight && { weight }) };
}

/** One part as itself, several by their names. */
function json({ cells, changes, weight }: Found): string {
  const rows = {
    ...(cells && { traffic: cells.map(rowOf) }),
    ...(changes && { change: changes.map(changeRow) }),
    ...(weight && { weight: weightRow(weight) }),
  };
  const all = Object.values(rows);
  return `${JSON.stringify(all.length === 1 ? all[0] : rows, undefined, 2)}\n`;
}

/** @returns the exit code. */
async function bench(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, [...BASELINES.keys(), OURS]);
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const log = createLogger({ level: 'info', format: 'text', colour: false, stream: process.stderr });
  const envoy = await prepareHost(log, AbortSignal.timeout(300_000));
  installMissing([...TEST_NEEDS, ...BENCH_NEEDS], line => log.info(line));
  const found = await run(options, options.envoy ?? envoy);
  process.stdout.write(options.output === 'json' ? json(found) : sectionsOf(found, LOADS, OURS));
  if (options.complete) {
    const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
    await writeFile(new URL('RESULTS.md', import.meta.url), resultsOf(found, LOADS, OURS, command));
  }
  const failures = [...failuresOf(found.cells ?? []), ...changeFailures(found.changes ?? [])];
  for (const failure of failures) progress(failure);
  return failures.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await bench(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 2;
}
