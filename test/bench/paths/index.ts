import { BARE } from './bare-envoys.ts';
import { captured, capturedName } from './captured-envoys.ts';
import { direct } from './direct.ts';
import { startPair } from './envoy-pair.ts';
import { haproxy } from './haproxy.ts';
import { WITH_IDENTITIES } from './identity-envoys.ts';
import { nginx } from './nginx.ts';
import type { Ground, Path } from './path.ts';
import { sidecars1, sidecars2 } from './sidecars.ts';

/** The name of the path that is Isthmus. */
export const OURS = 'ours';

/** What every ratio is to. */
export const DIRECT = 'direct';

type Start = (ground: Ground) => Path | Promise<Path>;

/** Has a path stand on hosts of its own. */
const apart =
  (hosts: string, start: Start): Start =>
  async ground =>
    await start(await ground.another(hosts));

/** The other ways, by name, in the order of the tables. */
export const BASELINES: ReadonlyMap<string, Start> = new Map<string, Start>([
  [DIRECT, direct],
  [BARE.name, ground => startPair(ground, BARE)],
  [capturedName(BARE), apart('captured', ground => captured(ground, BARE))],
  [WITH_IDENTITIES.name, apart('known', ground => startPair(ground, WITH_IDENTITIES))],
  [capturedName(WITH_IDENTITIES), apart('both', ground => captured(ground, WITH_IDENTITIES))],
  ['sidecar pair', sidecars1],
  ['sidecar pair, HTTP/2', sidecars2],
  ['HAProxy', haproxy],
  ['nginx', nginx],
]);
