import type { DestinationRule } from './config/destination-rule.ts';
import type { AuthorizationPolicy, PeerAuthentication } from './config/security.ts';
import type { VirtualService } from './config/virtual-service.ts';
import type { Instance } from './instance.ts';
import type { Service } from './service.ts';

/** What a name server needs of every service: small, and known to all hosts. */
export type ServiceName = Pick<Service, 'namespace' | 'name' | 'hostname' | 'aliases' | 'ports' | 'virtualIps'>;

/** A service with the config that shapes calls to it; what a host that uses it holds. */
export interface ServiceView {
  readonly service: Service;
  /** In the order of precedence, oldest first; the first with a matching route wins. */
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRule?: DestinationRule;
}

/** All instances of one service. */
export interface InstanceList {
  readonly hostname: string;
  readonly instances: readonly Instance[];
}

/** What one workload's host must know to judge those who call it. */
export interface WorkloadPolicy {
  /** Uid of the workload. */
  readonly workload: string;
  /** A hash over the policies: the host reports it back once its proxy has them in force, and callers then make new tunnels. */
  readonly revision: string;
  readonly authorization: readonly AuthorizationPolicy[];
  /** Narrowest first: workload, namespace, mesh. */
  readonly peerAuthentication: readonly PeerAuthentication[];
  /**
   * Ports to which services have HTTP spoken, whatever the workload says of them: whoever is refused there is told so in HTTP. No part of
   * the revision, as no tunnel outlives a refusal.
   */
  readonly httpPorts: readonly number[];
}

/** Facts that are the same for all hosts. */
export interface MeshSettings {
  readonly trustDomain: string;
  /** PEM certificates to trust, oldest first. */
  readonly roots: readonly string[];
  /** Ranges that virtual IPs come from, in CIDR form; what a host captures. */
  readonly virtualRanges: readonly string[];
}
