import { writeFile } from 'node:fs/promises';
import { messageOf } from '../../manager/model/util/errors.ts';
import { createLogger } from '../../packaging/log/winston.ts';
import { BENCH_NEEDS, installMissing, TEST_NEEDS } from '../../packaging/setup/debian.ts';
import { prepareHost } from '../../packaging/setup/prepare.ts';
import { Mesh } from '../e2e/mesh.ts';
import { makeGround } from './ground.ts';
import { LOADS } from './load.ts';
import { type BenchOptions, HELP, parseOptions } from './options.ts';
import { BASELINES, DIRECT, OURS } from './paths/index.ts';
import { joinHosts, ourGround, ours } from './paths/ours.ts';
import type { Path } from './paths/path.ts';
import { resultsOf } from './results.ts';
import { type Cell, failuresOf, rowOf, runRounds } from './rounds.ts';
import { tableOf } from './table.ts';

// The quick run promises to end within 5 minutes; what is left goes to starting and stopping.
const QUICK_BUDGET_MS = 200_000;
const FULL_BUDGET_MS = 3_600_000;

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** Loads every wanted path in every wanted way. */
async function traffic(options: BenchOptions, envoy: string): Promise<readonly Cell[]> {
  const wanted = (name: string): boolean =>
    name === DIRECT || options.paths.length === 0 || options.paths.includes(name);
  const loads = LOADS.filter(
    load => options.loads.length === 0 || options.loads.some(part => load.name.includes(part)),
  );
  await using mesh = await Mesh.create('bench');
  const ground = await makeGround(mesh.network, envoy);
  const paths: Path[] = [];
  for (const [name, start] of BASELINES) if (wanted(name)) paths.push(await start(ground));
  if (wanted(OURS)) {
    progress('starting a Manager and two hosts');
    const { hosts, file } = await ourGround(mesh);
    await mesh.startManager({ registries: [{ name: 'loads', kind: 'file', path: file }] });
    paths.push(await ours(mesh, await joinHosts(mesh, hosts), loads));
  }
  progress('warming up');
  await runRounds(paths, loads, { rounds: 1, seconds: 1, budgetMs: 0, progress: () => undefined });
  const budgetMs = options.quick ? QUICK_BUDGET_MS : FULL_BUDGET_MS;
  return await runRounds(paths, loads, { ...options, budgetMs, progress });
}

/** @returns the exit code. */
async function bench(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, [...BASELINES.keys(), OURS]);
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const log = createLogger({ level: 'info', format: 'text', colour: false, stream: process.stderr });
  const found = await prepareHost(log, AbortSignal.timeout(300_000));
  installMissing([...TEST_NEEDS, ...BENCH_NEEDS], line => log.info(line));
  const cells = await traffic(options, options.envoy ?? found);
  const rows = cells.map(rowOf);
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(rows, undefined, 2)}\n` : tableOf(cells));
  if (!options.quick && options.paths.length === 0 && options.loads.length === 0) {
    const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
    await writeFile(new URL('RESULTS.md', import.meta.url), resultsOf(cells, LOADS, OURS, command));
  }
  const failures = failuresOf(cells);
  for (const failure of failures) progress(failure);
  return failures.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await bench(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 2;
}
