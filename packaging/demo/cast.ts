/** Who takes part in the demo. */
export interface Player {
  readonly name: string;
  readonly host: 'alpha' | 'beta';
  /** The user that its program runs as; it is how the mesh tells processes of a host apart. */
  readonly uid: number;
}

/** An instance of `reviews`. */
export interface Server extends Player {
  readonly port: number;
  readonly version: 'v1' | 'v2';
}

/** May call. */
export const WEB: Player = { name: 'web', host: 'alpha', uid: 2001 };
/** May not; on the same host as the one that may. */
export const OTHER: Player = { name: 'other', host: 'alpha', uid: 2002 };

/** Each host has one of either version; what stands on a host is listed in that host's registry. */
export const SERVERS: readonly Server[] = [
  { name: 'reviews-1', host: 'alpha', uid: 2003, port: 9081, version: 'v1' },
  { name: 'reviews-2', host: 'alpha', uid: 2004, port: 9082, version: 'v2' },
  { name: 'reviews-3', host: 'beta', uid: 2003, port: 9081, version: 'v1' },
  { name: 'reviews-4', host: 'beta', uid: 2004, port: 9082, version: 'v2' },
];

/** What callers use: the service's own port, which is no instance's. */
export const URL_OF_REVIEWS = 'http://reviews:9080/';

/** The file that makes a program a workload: `workloads.d/<name>.yaml`. */
export function workloadFile(player: Player | Server): string {
  const server = 'port' in player ? player : undefined;
  return JSON.stringify(
    {
      name: player.name,
      serviceAccount: server ? 'reviews' : player.name,
      selector: { user: player.uid },
      ...(server && {
        ports: [{ port: server.port, protocol: 'http' }],
        labels: { app: 'reviews', version: server.version },
      }),
    },
    undefined,
    2,
  );
}
