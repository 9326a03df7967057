import { Mesh } from '../e2e/mesh.ts';
import { makeGround } from './ground.ts';
import { LOADS, type Load } from './load.ts';
import type { BenchOptions } from './options.ts';
import { BASELINES, DIRECT, OURS } from './paths/index.ts';
import { joinHosts, ourGround, ours } from './paths/ours.ts';
import type { Path } from './paths/path.ts';
import { type Cell, runRounds } from './rounds.ts';
import { measure } from './wrk.ts';

// The quick run promises to end within 5 minutes, the full one within 25: by then, of this process's life, the last round ends. What is
// left goes to stopping and to the other parts.
const QUICK_END_MS = 255_000;
const FULL_END_MS = 1_110_000;

/** Loads every wanted path in every wanted way. @param envoy path of the executable. */
export async function traffic(
  options: BenchOptions,
  envoy: string,
  progress: (line: string) => void,
): Promise<readonly Cell[]> {
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
  await warmUp(paths, loads);
  const budgetMs = (options.quick ? QUICK_END_MS : FULL_END_MS) - performance.now();
  return await runRounds(paths, loads, { ...options, budgetMs, progress });
}

/** Has every path carry every load for a moment, all paths at once: what is made at first calls is not to be measured. */
async function warmUp(paths: readonly Path[], loads: readonly Load[]): Promise<void> {
  for (const load of loads) await Promise.all(paths.map(path => measure(path.target(load), load, 1)));
}
