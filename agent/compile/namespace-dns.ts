import type { LocalWorkload } from '../../platforms/platform.ts';
import { filter, socket, tcpProxy } from './filters.ts';
import type { HostSettings } from './input.ts';
import { namespaceLink } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';

/** Largest datagram that is passed on, bytes: what EDNS may ask for, and more than any network carries whole. */
const DATAGRAM = { max_rx_datagram_size: 9000 };
/** An asker that asks again from the same port finds the session still there, for as long as glibc waits. */
const SESSION_IDLE = '6s';

const CLUSTERS = { udp: 'dns|udp', tcp: 'dns|tcp' } as const;

/** Names of the listeners that pass DNS on out of a workload's namespace. */
export function namespaceDnsListeners(workload: string): readonly string[] {
  return [`dns/udp/${workload}`, `dns/tcp/${workload}`];
}

/**
 * Lets a workload with a network namespace of its own ask the host's name server, which it has no way to otherwise.
 */
export function namespaceDns(local: LocalWorkload, settings: HostSettings): readonly Resource[] {
  const { workload } = local;
  const { dnsPort: port, ipv6 } = settings;
  const namespace = namespaceLink(settings.namespaces, local);
  if (namespace === undefined) return [];
  const [udp = '', tcp = ''] = namespaceDnsListeners(workload.uid);
  const origins = [`workload ${workload.uid}`];
  const bound = (protocol: 'UDP' | 'TCP'): JsonMap => {
    const at = (address: string): JsonMap => over(protocol, socket(address, port, namespace));
    return { address: at('127.0.0.1'), ...(ipv6 ? { additional_addresses: [{ address: at('::1') }] } : {}) };
  };
  const route = filter('route', 'filters.udp.udp_proxy.v3.Route', { cluster: CLUSTERS.udp });
  const udpProxy = filter('dns', 'filters.udp.udp_proxy.v3.UdpProxyConfig', {
    stat_prefix: 'dns',
    idle_timeout: SESSION_IDLE,
    upstream_socket_config: DATAGRAM,
    matcher: { on_no_match: { action: route } },
  });
  return [
    resource(
      TYPE.listener,
      udp,
      {
        name: udp,
        ...bound('UDP'),
        udp_listener_config: { downstream_socket_config: DATAGRAM },
        listener_filters: [udpProxy],
      },
      origins,
    ),
    resource(
      TYPE.listener,
      tcp,
      {
        name: tcp,
        ...bound('TCP'),
        filter_chains: [{ filters: [tcpProxy('dns', CLUSTERS.tcp, { idle_timeout: '60s' })] }],
      },
      origins,
    ),
  ];
}

/** The host's name server. */
export function dnsClusters(port: number): readonly Resource[] {
  return (['udp', 'tcp'] as const).map(transport => {
    const name = CLUSTERS[transport];
    const address = over(transport === 'udp' ? 'UDP' : 'TCP', socket('127.0.0.1', port));
    const body = {
      name,
      type: 'STATIC',
      connect_timeout: '1s',
      load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    };
    return resource(TYPE.cluster, name, body, ['DNS of network namespaces']);
  });
}

function over(protocol: 'UDP' | 'TCP', address: JsonMap): JsonMap {
  return { socket_address: { ...(address['socket_address'] as JsonMap), protocol } };
}
