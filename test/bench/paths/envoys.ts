import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Host, listens } from '../host.ts';
import type { Program } from '../program.ts';
import type { Json } from './envoy-parts.ts';
import { type Ground, loopbackTarget, type Path } from './path.ts';

/** An Envoy to start: in which host, with what, and the ports by which it is known to be ready. */
export interface EnvoyPlan {
  readonly host: Host;
  readonly name: string;
  readonly config: Json;
  readonly ports: readonly number[];
  /** Worker threads; as many as there are cores when not given, Envoy's own default. */
  readonly workers?: number;
}

async function startEnvoy(ground: Ground, plan: EnvoyPlan): Promise<Program> {
  const file = join(ground.folder, `${plan.name}.json`);
  await writeFile(file, JSON.stringify(plan.config, undefined, 1));
  const workers = plan.workers === undefined ? [] : ['--concurrency', String(plan.workers)];
  const command = [ground.envoy, '-c', file, '--disable-hot-restart', '--log-level', 'warn', ...workers];
  const envoy = plan.host.start(plan.name, command, { log: join(ground.folder, `${plan.name}.log`) });
  for (const port of plan.ports) await envoy.until(`listener on port ${port}`, () => listens(envoy.pid, port));
  return envoy;
}

/** A path made of Envoys with fixed configurations, which the caller reaches on loopback ports from `base`. */
export async function envoyPath(
  ground: Ground,
  name: string,
  base: number,
  plans: readonly EnvoyPlan[],
): Promise<Path> {
  const stack = new AsyncDisposableStack();
  try {
    const envoys: Program[] = [];
    for (const plan of plans) envoys.push(stack.use(await startEnvoy(ground, plan)));
    return {
      name,
      target: load => loopbackTarget(ground.caller, base, load),
      processes: () => new Map([['envoy', envoys.map(envoy => envoy.pid)]]),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
