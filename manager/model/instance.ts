import type { Locality } from './locality.ts';

/** `draining` takes no new connections, `unhealthy` none at all unless nothing else is left. */
export type Health = 'healthy' | 'unhealthy' | 'draining';

/** How callers get to an instance. */
export type Reach =
  /** No agent stands before it: it is dialled at its own address, in plaintext. */
  | { readonly kind: 'direct' }
  /** The agent of a host holds it: it is reached through that host's tunnel port. */
  | {
      readonly kind: 'mesh';
      /** The host's name, as in its certificate. */
      readonly host: string;
      /** Where that host's tunnel listens: `10.0.0.2:15008`. */
      readonly tunnel: string;
      /** Uid of the workload. */
      readonly workload: string;
      /** SPIFFE ID that the far end must show. */
      readonly identity: string;
      /** Names the workload in SNI and in the tunnel's authority; unique in the mesh. */
      readonly sni: string;
      /**
       * Which policy the far host has in force for this workload (a hash, as that host reported it). When it changes, callers
       * open new tunnels, so that a connection decided under an older policy carries no new request.
       */
      readonly policyRevision: string;
    };

/** The source of what hosts register by themselves. It comes after every registry, and none may have its name. */
export const AGENT_SOURCE = 'agent';

/** One place where a service is served. */
export interface Instance {
  /** `<source>/<id in that source>`: unique within the service. */
  readonly id: string;
  /** The registry that named it, or `AGENT_SOURCE`. */
  readonly source: string;
  /** IP address or host name. */
  readonly address: string;
  /** The instance's own port for each service port, by the service port's name. */
  readonly ports: Readonly<Record<string, number>>;
  /** Share of traffic relative to its fellows, 0 or more; 1 is usual; 0 takes no traffic. */
  readonly weight: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: Locality;
  /** Addresses are unique within a network; empty is the default network. */
  readonly network: string;
  readonly health: Health;
  readonly reach: Reach;
}

/** The instance's own port for a service port, by its name: what registries call ports may also be what objects have, as `constructor`. */
export function targetPort({ ports }: Pick<Instance, 'ports'>, name: string): number | undefined {
  return Object.hasOwn(ports, name) ? ports[name] : undefined;
}

/**
 * An instance that a registry lists and that callers are not told of: a workload with an identity listened there, on a host that was
 * removed from the mesh, and in plaintext it must not be called until somebody says so.
 */
export interface WithheldInstance extends Omit<Instance, 'reach'> {
  /** Name of the host that was removed. */
  readonly removedHost: string;
  /** Uid of the workload that listened there. */
  readonly workload: string;
}
