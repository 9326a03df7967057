import type { ServiceView } from '../../manager/model/host-view.ts';
import { isHttp } from '../../manager/model/service.ts';
import type { LocalWorkload } from '../../platforms/platform.ts';
import { noteAdmitted } from './admitted.ts';
import { captured, http, range, routeTable, socket, stamp, tcpProxy, value } from './filters.ts';
import type { HostSettings } from './input.ts';
import { ADDRESS_KEY, callerSecret, NO_CLUSTER, namespaceLink, outboundListenerName, SOURCE_KEY } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';
import { outboundRoutes } from './routes.ts';

/** What servers see as the Host of a caller that speaks HTTP/1.0 and names none: servers are spoken to in HTTP/1.1, which needs one. */
const NO_HOST = 'unknown';

/** The ports that services of this host's use are called on. Equal content is one and the same text in `key`. */
export interface CalledPorts {
  readonly http: readonly number[];
  /** With the addresses, needed only where other services speak HTTP on the same number; empty means any address. */
  readonly tcp: readonly { readonly number: number; readonly addresses: readonly string[] }[];
  readonly key: string;
}

/** Chains are by port, not by address, so that a service more on a known port changes no listener. */
export function calledPorts(views: Iterable<ServiceView>): CalledPorts {
  const http = new Set<number>();
  const tcp = new Map<number, string[]>();
  for (const { service } of views) {
    // Nobody can call it; and a chain for none of its addresses would be one for any, of which Envoy takes no second.
    if (service.virtualIps.length === 0) continue;
    for (const { number, protocol } of service.ports) {
      if (isHttp(protocol)) http.add(number);
      else if (protocol !== 'udp') {
        if (!tcp.has(number)) tcp.set(number, []);
        tcp.get(number)!.push(...service.virtualIps);
      }
    }
  }
  const ports = {
    http: [...http].sort(ascending),
    tcp: [...tcp]
      .sort(([a], [b]) => a - b)
      .map(([number, addresses]) => ({ number, addresses: http.has(number) ? addresses.sort() : [] })),
  };
  return { ...ports, key: JSON.stringify(ports) };
}

/**
 * Where a workload's captured calls arrive. The listener is the identity: all that comes through it is this workload. It listens on every
 * address, as virtual IPs are no addresses of a device. The kernel's rules refuse what was not captured; what should come all the same is
 * led nowhere, as the chains know the ports of services, and services the virtual IPs that were dialled. It is not bound to the loopback
 * device: an Envoy that takes over a socket which is so bound may not say so again, and would refuse the listener.
 */
export function outboundListener(
  local: LocalWorkload,
  identity: string,
  outboundPort: number,
  ports: CalledPorts,
  settings: Pick<HostSettings, 'namespaceOutboundPort' | 'namespaces' | 'admittedLog' | 'ipv6' | 'transparent'>,
): Resource {
  const { workload } = local;
  const name = outboundListenerName(workload.uid);
  const namespace = namespaceLink(settings.namespaces, local);
  const port = namespace === undefined ? outboundPort : settings.namespaceOutboundPort;
  const who = [value(SOURCE_KEY, callerSecret(identity))];
  const caller: Caller = { listener: name, who, admittedLog: settings.admittedLog };
  const body = {
    name,
    traffic_direction: 'OUTBOUND',
    address: socket('0.0.0.0', port, namespace),
    ...(settings.ipv6 ? { additional_addresses: [{ address: socket('::', port, namespace) }] } : {}),
    ...captured(settings.transparent && namespace === undefined),
    filter_chains: [
      ...ports.http.map(number => httpChain(number, caller)),
      ...ports.tcp.map(called => tcpChain(called, caller)),
    ],
    // Any other port: closed at once. It also lets the listener stand while no service is used yet.
    default_filter_chain: { name: 'unknown', filters: [tcpProxy(name, NO_CLUSTER)] },
  };
  return resource(TYPE.listener, name, body, [`workload ${workload.uid}`]);
}

/** What the chains of a listener have in common. */
interface Caller {
  readonly listener: string;
  readonly who: readonly JsonMap[];
  readonly admittedLog: string;
}

function httpChain(port: number, { listener, who, admittedLog }: Caller): JsonMap {
  const manager = http(listener, {
    ...routeTable(outboundRoutes(port)),
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    // What programs send without a mesh must not be refused or changed because of one.
    generate_request_id: false,
    http_protocol_options: { accept_http_10: true, default_host_for_http_10: NO_HOST, enable_trailers: true },
    proxy_100_continue: true,
    server_header_transformation: 'PASS_THROUGH',
    ...noteAdmitted(admittedLog, 'http dialled'),
  });
  const address = value(ADDRESS_KEY, '%DOWNSTREAM_LOCAL_ADDRESS%', 'envoy.string', 'NONE');
  return {
    name: `http:${port}`,
    filter_chain_match: { destination_port: port },
    filters: [stamp([...who, address], 'on_new_connection'), manager],
  };
}

/** The cluster's name is computed from the address that was dialled; there is none for an unknown address, which closes the connection. */
function tcpChain({ number, addresses }: CalledPorts['tcp'][number], { listener, who, admittedLog }: Caller): JsonMap {
  const key = 'envoy.tcp_proxy.cluster';
  const cluster = value(key, 'vip|%DOWNSTREAM_LOCAL_ADDRESS%', key, 'NONE');
  const ranges = addresses.map(range);
  return {
    name: `tcp:${number}`,
    filter_chain_match: { destination_port: number, ...(ranges.length === 0 ? {} : { prefix_ranges: ranges }) },
    filters: [
      stamp([...who, cluster], 'on_new_connection'),
      tcpProxy(listener, NO_CLUSTER, { max_connect_attempts: 3, ...noteAdmitted(admittedLog, 'tcp dialled') }),
    ],
  };
}

function ascending(a: number, b: number): number {
  return a - b;
}
