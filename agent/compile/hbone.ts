import { stamp, tcpProxy, value } from './filters.ts';
import { METADATA } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';
import { callerTls } from './tls.ts';
import { LIMITS, tunnelProtocol } from './upstream.ts';

/** Internal listener and cluster that carry calls to other hosts: HTTP/2 CONNECT in mutual TLS. */
export const HBONE = 'hbone';

/**
 * Calls to a host that is gone without a word fail within 15 s. When a server closes first, the far Envoy resets its tunnel at once, and
 * what then waits for window is lost: so one tunnel must not wait for another, nor for a caller that reads slowly.
 */
const TUNNEL: JsonMap = {
  connection_keepalive: { interval: '10s', timeout: '5s' },
  initial_stream_window_size: 64 * 1024 * 1024,
  initial_connection_window_size: 2 ** 31 - 1,
};

const far = (field: string): string => `%DYNAMIC_METADATA(${METADATA}:${field})%`;

/** Everything about the far end comes with the endpoint, so that one listener and one cluster serve all services. */
export function hbone(): readonly Resource[] {
  const serverName = 'envoy.network.upstream_server_name';
  const names = 'envoy.network.upstream_subject_alt_names';
  const target = stamp(
    [value(serverName, far('sni'), serverName, 'ONCE'), value(names, far('san'), names, 'ONCE')],
    'on_new_connection',
  );
  const tunnel = tcpProxy(HBONE, HBONE, { tunneling_config: { hostname: far('authority') } });
  const listener = { name: HBONE, internal_listener: {}, filter_chains: [{ name: HBONE, filters: [target, tunnel] }] };
  const cluster = {
    name: HBONE,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    original_dst_lb_config: { metadata_key: { key: METADATA, path: [{ key: 'host' }] } },
    connect_timeout: '2s',
    transport_socket: callerTls(),
    circuit_breakers: LIMITS,
    ...tunnelProtocol(TUNNEL),
  };
  const origins = ['tunnels'];
  return [resource(TYPE.listener, HBONE, listener, origins), resource(TYPE.cluster, HBONE, cluster, origins)];
}
