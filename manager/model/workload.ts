import type { Health } from './instance.ts';
import type { Locality } from './locality.ts';
import type { Protocol } from './service.ts';

/** A port that a workload listens on. */
export interface WorkloadPort {
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
}

/** A thing that runs on a host and has one identity. */
export interface Workload {
  /** Unique in the mesh and stable over restarts: `<host>/<namespace>/<name>`. */
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Addresses under which registries may list it; the host's own for processes of the host. */
  readonly addresses: readonly string[];
  readonly ports: readonly WorkloadPort[];
  /** The kind of platform that found it, such as `linux`. */
  readonly platform: string;
  /** Services that the host registers for it by itself, `<name>` or `<name>.<namespace>`; empty when a registry lists it. */
  readonly services: readonly string[];
  readonly health: Health;
}

/** A host as it tells the Manager of itself. */
export interface Host {
  /** Unique in the mesh; bound to the host's certificate. See `isHostName`. */
  readonly name: string;
  /** Address that other hosts reach its tunnel port at. */
  readonly address: string;
  /** Port of the tunnel, 15008 unless told otherwise. */
  readonly tunnelPort: number;
  readonly network: string;
  readonly locality: Locality;
}

/**
 * The name of a workload in SNI and in the authority of its tunnel: `<name>.<namespace>.<host>.mesh`.
 * Names and namespaces are DNS labels, so it is unique as long as uids are, also when the host's name has dots.
 */
export function sniOf(workload: Pick<Workload, 'uid' | 'name' | 'namespace'>): string {
  const host = workload.uid.slice(0, workload.uid.length - workload.namespace.length - workload.name.length - 2);
  return `${workload.name}.${workload.namespace}.${host}.mesh`;
}
