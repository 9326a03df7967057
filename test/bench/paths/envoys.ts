import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../hosts/host.ts';
import { startDaemon } from '../daemon.ts';
import type { Json } from './envoy-parts.ts';
import { type Ground, loopbackTarget, type Path } from './path.ts';

/** An Envoy to start: in which host, with what, and the ports by which it is known to be ready. */
export interface EnvoyPlan {
  readonly host: Host;
  readonly name: string;
  readonly config: Json;
  readonly ports: readonly number[];
}

/** A path made of Envoys with fixed configurations, which the caller reaches on loopback ports from `base`. */
export async function envoyPath(
  ground: Ground,
  name: string,
  base: number,
  plans: readonly EnvoyPlan[],
): Promise<Path> {
  const envoys: number[] = [];
  for (const plan of plans) {
    const file = join(plan.host.folder, `${plan.name}.json`);
    await writeFile(file, JSON.stringify(plan.config, undefined, 1));
    const command = [ground.envoy, '-c', file, '--disable-hot-restart', '--log-level', 'warn'];
    envoys.push((await startDaemon(plan.host, command, plan.ports)).pid);
  }
  return {
    name,
    target: load => loopbackTarget(ground.caller, base, load),
    processes: () => new Map([['envoy', envoys]]),
  };
}
