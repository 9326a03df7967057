import { isIPv6 } from 'node:net';
import type { LocalWorkload } from '../../platforms/platform.ts';
import { DELIVERY_PRIORITY } from '../redirect/spec.ts';
import { socket } from './filters.ts';
import type { HostSettings } from './input.ts';
import { appCluster, namespaceLink } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';
import { LIMITS } from './upstream.ts';

const LOOPBACK4 = '127.0.0.1';
const LOOPBACK6 = '::1';

/** SOL_SOCKET and SO_PRIORITY of Linux, see asm-generic/socket.h. */
const PRIORITY: JsonMap = { level: 1, name: 12, int_value: DELIVERY_PRIORITY, state: 'STATE_PREBIND' };
/** SOL_IP and IP_TRANSPARENT, ip(7). No user's socket has it, so the rules know whom they keep from servers that are not the workload's. */
const TRANSPARENT: JsonMap = { level: 0, name: 19, int_value: 1, state: 'STATE_PREBIND' };

/** Marks what a cluster dials as delivered. @param transparent whether Envoy may say so, see `HostSettings`. */
export function delivered(transparent: boolean): JsonMap {
  return { upstream_bind_config: { socket_options: [PRIORITY, ...(transparent ? [TRANSPARENT] : [])] } };
}

/**
 * Where the ports of a workload are dialled: at its own address, and at a loopback address when that refuses, as programs listen on
 * either. The own address comes first: some programs trust whoever comes from loopback.
 *
 * @param hostAddress the address of a process of the host that names none.
 */
export function appClusters(
  local: LocalWorkload,
  hostAddress: string,
  { ipv6, namespaces, transparent }: Pick<HostSettings, 'ipv6' | 'namespaces' | 'transparent'>,
): readonly Resource[] {
  const { workload } = local;
  const namespace = namespaceLink(namespaces, local);
  const place =
    namespace === undefined ? delivered(transparent) : insideNamespace(ownAddresses(local, hostAddress), namespace);
  return workload.ports
    .filter(({ protocol }) => protocol !== 'udp')
    .map(({ number }) => {
      const name = appCluster(workload.uid, number);
      const endpoint = appEndpoint(local, hostAddress, number, { ipv6 });
      const body = {
        name,
        type: 'STATIC',
        connect_timeout: '5s',
        ...place,
        circuit_breakers: LIMITS,
        load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
      };
      return resource(TYPE.cluster, name, body, [`workload ${workload.uid}`]);
    });
}

/** Where a port of a workload is dialled, one address after the other. */
export function appEndpoint(
  local: LocalWorkload,
  hostAddress: string,
  port: number,
  settings: Pick<HostSettings, 'ipv6'>,
): JsonMap {
  const [first, ...others] = appAddresses(local, hostAddress, settings).map(address => ({
    address: socket(address, port),
  }));
  return { ...first, ...(others.length === 0 ? {} : { additional_addresses: others }) };
}

/** The addresses at which a workload is dialled. */
function appAddresses(
  local: LocalWorkload,
  hostAddress: string,
  { ipv6 }: Pick<HostSettings, 'ipv6'>,
): readonly string[] {
  const own = ownAddresses(local, hostAddress);
  const six = isSix(own);
  const addresses =
    local.selector.kind === 'namespace'
      ? [...own.filter(address => isIPv6(address) === six), six ? LOOPBACK6 : LOOPBACK4]
      : [...own, LOOPBACK4, ...(ipv6 ? [LOOPBACK6] : [])];
  return [...new Set(addresses)];
}

function ownAddresses({ workload }: LocalWorkload, hostAddress: string): readonly string[] {
  return workload.addresses.length > 0 ? workload.addresses : [hostAddress];
}

function isSix(own: readonly string[]): boolean {
  return own[0] !== undefined && isIPv6(own[0]);
}

/** Dials from inside the namespace. The source fixes the address family to that of the first address. */
function insideNamespace(own: readonly string[], path: string): JsonMap {
  const source = socket(isSix(own) ? '::' : '0.0.0.0', 0, path)['socket_address']!;
  return { upstream_bind_config: { source_address: source } };
}
