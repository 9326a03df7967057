import { sniOf, type Workload } from '../../manager/model/workload.ts';
import { noteAdmitted } from './admitted.ts';
import { refuseHttp } from './answer.ts';
import type { CalledPort } from './called.ts';
import { filter, http, internalSocket, routeTable, socket, stamp, value } from './filters.ts';
import { choose } from './matcher.ts';
import { METADATA, REFUSED, SOURCE_KEY } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';
import { calledTls } from './tls.ts';

/** The listener of other hosts' tunnels, and its fellow inside Envoy that tells refused HTTP callers so. */
const TUNNEL = 'tunnel';
const REFUSE = 'refuse';

/**
 * A host opens one tunnel for each of its workers and identities: few connections with much in each, of which the kernel's hash may well
 * give all to one worker, while the others idle.
 */
const BALANCED: JsonMap = { connection_balance_config: { exact_balance: {} } };

/** Whoever does not end the handshake is cut off: strangers can begin one, and each takes one of the connections that Envoy may have. */
const HANDSHAKE = '10s';

/** Name of the table that says which CONNECT of a workload's tunnels goes where. */
function tunnelRoutes(workload: string): string {
  return `tunnel/${workload}`;
}

/** One chain of the tunnel listener: the workload is named by SNI, and who calls is known once the handshake is over. */
export function tunnelChain(workload: Workload, identity: string, trustDomain: string, admittedLog: string): JsonMap {
  const source = value(SOURCE_KEY, '%DOWNSTREAM_PEER_URI_SAN%');
  const manager = http('tunnel', {
    codec_type: 'HTTP2',
    generate_request_id: false,
    http2_protocol_options: { allow_connect: true, connection_keepalive: { interval: '30s', timeout: '10s' } },
    upgrade_configs: [{ upgrade_type: 'CONNECT' }],
    ...routeTable(tunnelRoutes(workload.uid)),
    ...noteAdmitted(admittedLog, 'tunnel'),
  });
  return {
    name: workload.uid,
    filter_chain_match: { server_names: [sniOf(workload)] },
    transport_socket: calledTls(identity, trustDomain),
    transport_socket_connect_timeout: HANDSHAKE,
    filters: [stamp([source], 'on_downstream_tls_handshake'), manager],
  };
}

/** Where tunnels of all workloads of the host end. */
export function tunnelListener(
  chains: readonly JsonMap[],
  port: number,
  ipv6: boolean,
  origins: readonly string[],
): Resource {
  const body = {
    name: TUNNEL,
    traffic_direction: 'INBOUND',
    address: socket('0.0.0.0', port),
    ...BALANCED,
    ...(ipv6 ? { additional_addresses: [{ address: socket('::', port) }] } : {}),
    listener_filters: [filter('tls_inspector', 'filters.listener.tls_inspector.v3.TlsInspector')],
    filter_chains: chains,
  };
  return resource(TYPE.listener, TUNNEL, body, origins);
}

/** Decides each CONNECT before the workload is dialled. The authority is `<sni>:<port>`. */
export function tunnelTable(workload: Workload, ports: readonly CalledPort[], origins: readonly string[]): Resource {
  const name = tunnelRoutes(workload.uid);
  const hosts = ports.map(port => {
    const authority = `${sniOf(workload)}:${port.number}`;
    const refused: JsonMap = port.http ? connect(REFUSE) : { match: CONNECT, direct_response: { status: 403 } };
    return {
      name: authority,
      domains: [authority],
      matcher: choose(port.allowed, action('allow', connect(port.cluster)), action('refuse', refused)),
    };
  });
  return resource(TYPE.routes, name, { name, virtual_hosts: hosts }, origins);
}

const CONNECT: JsonMap = { connect_matcher: {} };

function connect(cluster: string): JsonMap {
  const upgrade = { upgrade_type: 'CONNECT', connect_config: {} };
  return { match: CONNECT, route: { cluster, timeout: '0s', upgrade_configs: [upgrade] } };
}

function action(name: string, route: JsonMap): { readonly name: string; readonly typed_config: JsonMap } {
  return { name, typed_config: { '@type': 'type.googleapis.com/envoy.config.route.v3.Route', ...route } };
}

/** A tunnel of a refused HTTP caller ends here: it gets 403 with the reason where a refused CONNECT would look like a dead instance. */
export function refusal(): readonly Resource[] {
  const listener = {
    name: REFUSE,
    internal_listener: {},
    filter_chains: [{ name: REFUSE, filters: [refuseHttp(REFUSED)] }],
  };
  const address = { envoy_internal_address: { server_listener_name: REFUSE } };
  const cluster = {
    name: REFUSE,
    type: 'STATIC',
    connect_timeout: '1s',
    transport_socket: internalSocket(METADATA),
    load_assignment: { cluster_name: REFUSE, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
  const origins = ['refusals'];
  return [resource(TYPE.listener, REFUSE, listener, origins), resource(TYPE.cluster, REFUSE, cluster, origins)];
}
