import { join } from 'node:path';

/** Where what belongs to the running Envoy lies. */
export interface EnvoyPaths {
  /** The one folder that Envoy's user may write to; nobody else may enter it. */
  readonly own: string;
  /** Envoy's admin interface, a unix socket. */
  readonly admin: string;
  /** The number under which Envoys that take over from one another find each other. */
  readonly baseId: string;
  /** How names of the sockets begin over which one Envoy takes over from another. By default any local user could reach these. */
  readonly takeOver: string;
  /** The agent's xDS server, a unix socket. */
  readonly xds: string;
  readonly bootstrap: string;
  /** What is started as Envoy: a link to the program. */
  readonly program: string;
  /** Which process is Envoy. Written by the agent alone, as the agent sends signals to that process. */
  readonly state: string;
  readonly log: string;
  /** Where Envoy notes which connections it let in to workloads. */
  readonly admitted: string;
}

/** @param runDir the agent's folder of sockets; Envoy's user must be able to pass through it. */
export function envoyPaths(runDir: string, logDir: string): EnvoyPaths {
  const own = join(runDir, 'envoy');
  return {
    own,
    admin: join(own, 'admin.sock'),
    baseId: join(own, 'base-id'),
    takeOver: join(own, 'take-over'),
    xds: join(runDir, 'xds.sock'),
    bootstrap: join(runDir, 'envoy-bootstrap.json'),
    program: join(runDir, 'bin', 'envoy'),
    state: join(runDir, 'envoy-process.json'),
    log: join(logDir, 'envoy.log'),
    admitted: join(own, 'admitted'),
  };
}

/** The memory that Envoys of one line share, a file which one that was killed leaves behind. @param baseId the line's number. */
export function sharedMemory(baseId: number): string {
  // Envoy multiplies the number by ten, to tell epochs apart.
  return `/dev/shm/envoy_shared_memory_${baseId * 10}`;
}
