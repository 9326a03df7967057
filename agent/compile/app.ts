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
const DELIVERS: JsonMap = {
  socket_options: [{ level: 1, name: 12, int_value: DELIVERY_PRIORITY, state: 'STATE_PREBIND' }],
};

/**
 * Where the ports of a workload are dialled: at its own address, and at a loopback address when that refuses, as programs listen on
 * either. The own address comes first: some programs trust whoever comes from loopback.
 *
 * @param hostAddress the address of a process of the host that names none.
 */
export function appClusters(
  local: LocalWorkload,
  hostAddress: string,
  { ipv6, namespaces }: Pick<HostSettings, 'ipv6' | 'namespaces'>,
): readonly Resource[] {
  const { workload } = local;
  const namespace = namespaceLink(namespaces, local);
  const own = workload.addresses.length > 0 ? workload.addresses : [hostAddress];
  const [addresses, place] =
    namespace === undefined
      ? [[...own, LOOPBACK4, ...(ipv6 ? [LOOPBACK6] : [])], { upstream_bind_config: DELIVERS }]
      : insideNamespace(own, namespace);
  return workload.ports
    .filter(({ protocol }) => protocol !== 'udp')
    .map(({ number }) => {
      const name = appCluster(workload.uid, number);
      const [first, ...others] = [...new Set(addresses)].map(address => ({ address: socket(address, number) }));
      const endpoint = { ...first, ...(others.length === 0 ? {} : { additional_addresses: others }) };
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

/** Dials from inside the namespace. The source fixes the address family to that of the first address. */
function insideNamespace(own: readonly string[], path: string): [readonly string[], JsonMap] {
  const six = own[0] !== undefined && isIPv6(own[0]);
  const addresses = [...own.filter(address => isIPv6(address) === six), six ? LOOPBACK6 : LOOPBACK4];
  return [
    addresses,
    { upstream_bind_config: { source_address: socket(six ? '::' : '0.0.0.0', 0, path)['socket_address']! } },
  ];
}
