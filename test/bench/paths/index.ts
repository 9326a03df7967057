import { bareEnvoys } from './bare-envoys.ts';
import { direct } from './direct.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import type { Ground, Path } from './path.ts';
import { sidecars } from './sidecars.ts';

/** Every path by name, in the order of the tables. */
const PATHS: ReadonlyMap<string, (ground: Ground) => Path | Promise<Path>> = new Map<
  string,
  (ground: Ground) => Path | Promise<Path>
>([
  ['direct', direct],
  ['bare Envoys', bareEnvoys],
  ['sidecar pair', sidecars],
  ['HAProxy', haproxy],
  ['nginx', nginx],
]);

/**
 * Starts paths; the stack ends them.
 * @param names those wanted beside `direct`; all when empty.
 * @throws when a name is unknown.
 */
export async function startPaths(
  stack: AsyncDisposableStack,
  ground: Ground,
  names: readonly string[],
): Promise<readonly Path[]> {
  const unknown = names.filter(name => !PATHS.has(name));
  if (unknown.length > 0)
    throw new Error(`No path is named ${unknown.join(', ')}; there are ${[...PATHS.keys()].join(', ')}`);
  const paths: Path[] = [];
  for (const [name, start] of PATHS) {
    if (name === 'direct' || names.length === 0 || names.includes(name)) paths.push(stack.use(await start(ground)));
  }
  return paths;
}
