import { decide } from '../../auth/policy/decide.ts';
import { effectiveMtls } from '../../auth/policy/peer-authentication.ts';
import type { WorkloadPolicy } from '../../manager/model/host-view.ts';
import { noteAdmitted } from './admitted.ts';
import { refuseHttp } from './answer.ts';
import type { CalledPort } from './called.ts';
import { captured, socket, tcpProxy } from './filters.ts';
import { NO_CLUSTER } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';

const NEEDS_IDENTITY =
  'plaintext refused: the AuthorizationPolicies of this workload let only callers with an identity in';

/**
 * What a caller outside the mesh meets at a port: such a caller has no identity, so it is known now whether it is served. A refused one
 * is told so in HTTP; another's connection is closed before a byte.
 */
export function inboundChain(port: CalledPort, policy: WorkloadPolicy, admittedLog: string): JsonMap {
  const refused = plaintextRefused(port, policy);
  return {
    name: `${port.workload}:${port.number}`,
    filter_chain_match: { destination_port: port.number },
    filters: [
      refused === undefined
        ? tcpProxy('inbound', port.cluster, noteAdmitted(admittedLog, 'tcp'))
        : refusal(port, refused),
    ],
  };
}

function refusal(port: CalledPort, reason: string): JsonMap {
  return port.http ? refuseHttp(reason) : tcpProxy('inbound', NO_CLUSTER);
}

/** Why callers without identity are refused; undefined when they are served. */
export function plaintextRefused(
  port: Pick<CalledPort, 'number' | 'allowed'>,
  policy: WorkloadPolicy,
): string | undefined {
  const { mode, origin } = effectiveMtls(policy.peerAuthentication, port.number);
  if (mode === 'STRICT') return `plaintext refused: ${origin} is STRICT`;
  return decide(port.allowed, { port: port.number }) ? undefined : NEEDS_IDENTITY;
}

/** Where a listener for callers outside the mesh stands. */
export interface InboundPlace {
  readonly ipv6: boolean;
  /** Path of a network namespace; the host's when absent. */
  readonly namespace?: string;
  /** See `HostSettings`. */
  readonly transparent?: boolean;
}

/** Captured traffic of callers outside the mesh: of the host's processes, or of the workload in a namespace. */
export function inboundListener(
  name: string,
  chains: readonly JsonMap[],
  port: number,
  { ipv6, namespace, transparent = false }: InboundPlace,
  origins: readonly string[],
): Resource {
  const body = {
    name,
    traffic_direction: 'INBOUND',
    address: socket('0.0.0.0', port, namespace),
    ...(ipv6 ? { additional_addresses: [{ address: socket('::', port, namespace) }] } : {}),
    ...captured(transparent),
    filter_chains: chains,
  };
  return resource(TYPE.listener, name, body, origins);
}
