import type { Problem } from '../../registries/registry.ts';
import type { Instance, WithheldInstance } from '../model/instance.ts';
import type { Service } from '../model/service.ts';
import type { Host, Workload } from '../model/workload.ts';

/** A service with all its instances, each of which says its registry (`source`), its host (`reach`), its health and its locality. */
export interface ServiceReport extends Service {
  readonly instances: readonly Instance[];
  /** Instances that callers are not told of, since their host is not heard of, and there are others. */
  readonly unheard: readonly Instance[];
  /** Instances that callers are not told of, since their host was removed. */
  readonly withheld: readonly WithheldInstance[];
}

/** Config or workloads that were refused. */
export interface RejectionReport {
  /** Such as the name of an Envoy resource, or a workload's uid. */
  readonly resource: string;
  readonly reason: string;
  /** The config objects that caused it, such as `VirtualService default/reviews`. */
  readonly origins: readonly string[];
}

/** A host as the Manager knows it; one that joined and never reported has no address yet. Times are milliseconds since 1970. */
export interface HostReport extends Host {
  readonly joinedAt: number;
  readonly lease: {
    /** `lapsed`: not heard of for longer than the lease; its instances are withdrawn where a service has others, and unhealthy where not. `none`: never heard of. */
    readonly state: 'held' | 'lapsed' | 'none';
    /** 0 when it was never heard of. */
    readonly lastHeard: number;
    readonly expires: number;
  };
  readonly agentVersion: string;
  readonly envoyVersion: string;
  readonly envoyConnected: boolean;
  /** When its agent started. */
  readonly startedAt: number;
  /** Uids of its workloads. */
  readonly workloads: readonly string[];
  /** Names that it subscribes to, by type of resource, such as `ServiceView`. */
  readonly subscriptions: Readonly<Record<string, number>>;
  /** What its Envoy, its agent or the Manager refused. */
  readonly rejections: readonly RejectionReport[];
}

/** A workload with what the mesh made of it. */
export interface WorkloadReport extends Workload {
  readonly host: string;
  /** SPIFFE ID. */
  readonly identity: string;
  /** Hostnames of the services that it is an instance of. */
  readonly serves: readonly string[];
  /** Policy that it should have, and policy that its host has in force. */
  readonly policy: { readonly wanted: string; readonly inForce: string };
}

/** A registry as the Manager follows it. Times are milliseconds since 1970. */
export interface RegistryReport {
  readonly name: string;
  readonly kind: string;
  /** `connecting`: nothing came yet; `stale`: it was lost, and what it said last is still used. */
  readonly state: 'connecting' | 'synced' | 'stale';
  /** When it was last known to be whole. */
  readonly lastSynced?: number;
  /** Why it is not synced. */
  readonly error?: string;
  readonly services: number;
  readonly instances: number;
  readonly problems: readonly Problem[];
}

/** Facts of the Manager itself. */
export interface ManagerReport {
  readonly version: string;
  /** Its process on its host. */
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly trustDomain: string;
  /** When the CA can sign no more, milliseconds since 1970. */
  readonly caEnds: number;
}

/** How often something was refused for one reason since the Manager started. */
export interface RefusalReport {
  /** Such as `token-used`. */
  readonly reason: string;
  readonly count: number;
  /** The last time: when (milliseconds since 1970), to whom (a host, or an address), what and why. */
  readonly last: { readonly at: number; readonly from: string; readonly why: string };
}

/** What the catalog tells of the mesh as it stands now. Each call answers from memory. */
export interface Inspect {
  /** The service that a hostname or an alias names. */
  service(name: string): ServiceReport | undefined;
  services(): readonly ServiceReport[];
  hosts(): readonly HostReport[];
  workloads(): readonly WorkloadReport[];
  /** The same as their hosts report them: what {@link workloads} adds takes a walk over all services, and a hash of every policy. */
  reported(): readonly Workload[];
  registries(): readonly RegistryReport[];
  /** What the Manager refused to agents and callers of its API; the most frequent first. */
  refusals(): readonly RefusalReport[];
  manager(): ManagerReport;
}
