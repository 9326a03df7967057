import { decide } from '../../auth/policy/decide.ts';
import { effectiveMtls } from '../../auth/policy/peer-authentication.ts';
import type { WorkloadPolicy } from '../../manager/model/host-view.ts';
import { refuseHttp } from './answer.ts';
import type { CalledPort } from './called.ts';
import { ORIGINAL_DESTINATION, range, socket, tcpProxy } from './filters.ts';
import type { Problem } from './input.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';

const NEEDS_IDENTITY =
  'plaintext refused: the AuthorizationPolicies of this workload let only callers with an identity in';

/**
 * What a caller outside the mesh meets at a port: such a caller has no identity, so it is known now whether it is served. A refused one
 * is told so in HTTP; else there is no chain, and its connection is closed before a byte.
 */
export function inboundChain(port: CalledPort, policy: WorkloadPolicy): JsonMap | undefined {
  const refused = plaintextRefused(port, policy);
  if (refused !== undefined && !port.http) return undefined;
  return {
    name: `${port.workload}:${port.number}`,
    filter_chain_match: { destination_port: port.number },
    filters: [refused === undefined ? tcpProxy('inbound', port.cluster) : refuseHttp(refused)],
  };
}

/** Why callers without identity are refused; undefined when they are served. */
function plaintextRefused(port: CalledPort, policy: WorkloadPolicy): string | undefined {
  const { mode, origin } = effectiveMtls(policy.peerAuthentication, port.number);
  if (mode === 'STRICT') return `plaintext refused: ${origin} is STRICT`;
  return decide(port.allowed, { port: port.number }) ? undefined : NEEDS_IDENTITY;
}

/**
 * The chains of a host's processes in one listener. Where several have the same port, each is known by its addresses; what no address
 * tells apart is left out, as one of them alone can have it.
 *
 * @param owners in the order of precedence.
 */
export function sharedChains(owners: readonly InboundOwner[]): {
  readonly chains: readonly JsonMap[];
  readonly problems: readonly Problem[];
} {
  const claimed = new Map<number, Map<string, string>>();
  const problems: Problem[] = [];
  const ports = owners.flatMap(({ chains }) => chains.map(portOf));
  const chains = owners.flatMap(({ workload, addresses, chains }) =>
    chains.flatMap(chain => {
      const port = portOf(chain);
      if (ports.filter(each => each === port).length === 1) return [chain];
      const taken = claimed.get(port) ?? new Map<string, string>();
      claimed.set(port, taken);
      const own = (addresses.length > 0 ? addresses : [ANY]).filter(address => !taken.has(address));
      if (own.length === 0) {
        const message = `its port ${port} is that of ${[...new Set(taken.values())].join(', ')} too: callers outside the mesh reach only that`;
        problems.push({ origin: `workload ${workload}`, message });
        return [];
      }
      for (const address of own) taken.set(address, workload);
      return [
        own.includes(ANY)
          ? chain
          : { ...chain, filter_chain_match: { destination_port: port, prefix_ranges: own.map(range) } },
      ];
    }),
  );
  return { chains, problems };
}

export interface InboundOwner {
  /** Uid. */
  readonly workload: string;
  /** Empty: all of the host. */
  readonly addresses: readonly string[];
  readonly chains: readonly JsonMap[];
}

const ANY = 'any';

function portOf(chain: JsonMap): number {
  return (chain['filter_chain_match'] as { readonly destination_port: number }).destination_port;
}

/** Captured traffic of callers outside the mesh: of the host's processes, or of the workload in a namespace. */
export function inboundListener(
  name: string,
  chains: readonly JsonMap[],
  port: number,
  { ipv6, namespace }: { readonly ipv6: boolean; readonly namespace?: string },
  origins: readonly string[],
): Resource {
  const body = {
    name,
    traffic_direction: 'INBOUND',
    address: socket('0.0.0.0', port, namespace),
    ...(ipv6 ? { additional_addresses: [{ address: socket('::', port, namespace) }] } : {}),
    listener_filters: [ORIGINAL_DESTINATION],
    filter_chains: chains,
  };
  return resource(TYPE.listener, name, body, origins);
}
