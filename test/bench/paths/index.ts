import { bareEnvoys } from './bare-envoys.ts';
import { CAPTURED, capturedEnvoys } from './captured-envoys.ts';
import { direct } from './direct.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import type { Ground, Path } from './path.ts';
import { sidecars1, sidecars2 } from './sidecars.ts';

/** The name of the path that is Isthmus. */
export const OURS = 'ours';

/** What every ratio is to. */
export const DIRECT = 'direct';

/** The other ways, by name, in the order of the tables. */
export const BASELINES: ReadonlyMap<string, (ground: Ground) => Path | Promise<Path>> = new Map<
  string,
  (ground: Ground) => Path | Promise<Path>
>([
  [DIRECT, direct],
  ['bare Envoys', ground => bareEnvoys(ground)],
  [CAPTURED, capturedEnvoys],
  ['sidecar pair', sidecars1],
  ['sidecar pair, HTTP/2', sidecars2],
  ['HAProxy', haproxy],
  ['nginx', nginx],
]);
