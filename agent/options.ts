import type { Host } from '../manager/model/workload.ts';
import type { Platform } from '../platforms/platform.ts';
import type { HostIdentity } from './keys/host-identity.ts';

/** All that an agent needs to know, compiled once. */
export interface AgentOptions {
  /** The host as it tells of itself; its name is that of the identity. */
  readonly host: Host;
  readonly identity: HostIdentity;
  /** Keeps what must outlive a restart: keys, the snapshot, logs. */
  readonly stateDir: string;
  /** Sockets and what belongs to the running Envoy. */
  readonly runDir: string;
  readonly platforms: readonly Platform[];
  readonly envoy: {
    /** Path of the program, once it is found and checked: the agent makes all else ready meanwhile. */
    readonly binary: Promise<string>;
    readonly version: string;
    readonly uid: number;
    readonly gid: number;
    /** Worker threads; one for each core when absent. */
    readonly concurrency?: number;
    readonly drainSeconds: number;
  };
  /** Of Isthmus. */
  readonly version: string;
}
