import type { MeshSettings, ServiceView, WorkloadPolicy } from '../../manager/model/host-view.ts';
import type { Instance } from '../../manager/model/instance.ts';
import type { Host } from '../../manager/model/workload.ts';
import type { LocalWorkload } from '../../platforms/platform.ts';

/** A workload of this host with what the host gave it. */
export interface WorkloadInput {
  readonly local: LocalWorkload;
  /** Port of its outbound listener on the host; not used by a workload that has a network namespace of its own. */
  readonly outboundPort: number;
  /** Undefined until known: the workload may call then, but nobody may call it. */
  readonly policy: WorkloadPolicy | undefined;
}

/** A service that this host uses. */
export interface ServiceInput {
  readonly view: ServiceView;
  readonly instances: readonly Instance[];
}

/** What is the same for all workloads of the host. */
export interface HostSettings {
  /** Captured traffic of non-mesh callers arrives here, 15006; on the host and in each namespace. */
  readonly inboundPort: number;
  /** Captured traffic that leaves a namespace arrives here, 15001. */
  readonly namespaceOutboundPort: number;
  /** Folder of links to the namespaces of workloads, see `namespaceLink`. */
  readonly namespaces: string;
  /** File in which Envoy notes who was let in to the workloads of this host; Envoy's user can write it. */
  readonly admittedLog: string;
  /** Whether the host has IPv6; without it no listener binds an IPv6 address. */
  readonly ipv6: boolean;
  /**
   * Whether Envoy may listen for calls to addresses that are not the host's. Without it, where nothing can be captured either, listeners for
   * what is captured on the host are listeners like others.
   */
  readonly transparent: boolean;
}

/** What a host knows, all of it: enough to say what its Envoy shall do. */
export interface HostInput {
  readonly host: Host;
  readonly mesh: MeshSettings;
  readonly workloads: readonly WorkloadInput[];
  /** SPIFFE IDs of workloads that left, and whose connections Envoy may still serve. */
  readonly left: readonly string[];
  /** By canonical hostname. */
  readonly services: ReadonlyMap<string, ServiceInput>;
  readonly settings: HostSettings;
}

/** A setting that cannot be followed; the rest of the config is in force. */
export interface Problem {
  /** What has to be mended: `VirtualService default/reviews`. */
  readonly origin: string;
  readonly message: string;
}
