import { isIPv6 } from 'node:net';
import { ADS, typed } from './names.ts';
import type { JsonMap } from './resource.ts';

/** A network or HTTP filter by the type that configures it. */
export function filter(name: string, type: string, fields: JsonMap = {}): JsonMap {
  return { name, typed_config: typed(type, fields) };
}

/** Which connections made on behalf of this one see a value of its filter state. */
type Sharing = 'NONE' | 'ONCE' | 'TRANSITIVE';

/**
 * One value for {@link stamp}. Values that say who calls must be `envoy.hashable_string`: connection pools then keep callers apart
 * (with `envoy.string` one caller is served over another's connection).
 */
export function value(
  key: string,
  format: string,
  factory = 'envoy.hashable_string',
  sharing: Sharing = 'TRANSITIVE',
): JsonMap {
  return {
    object_key: key,
    factory_key: factory,
    format_string: { text_format_source: { inline_string: format } },
    shared_with_upstream: sharing,
  };
}

/** Writes values into the filter state of a connection. The peer's certificate is known only once the handshake is over. */
export function stamp(values: readonly JsonMap[], when: 'on_new_connection' | 'on_downstream_tls_handshake'): JsonMap {
  return filter('stamp', 'filters.network.set_filter_state.v3.Config', { [when]: values });
}

/** Passes bytes on. Quiet connections are nobody's business: databases keep them for days. */
export function tcpProxy(statPrefix: string, cluster: string, fields: JsonMap = {}): JsonMap {
  return filter('tcp', 'filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: statPrefix,
    cluster,
    idle_timeout: '0s',
    ...fields,
  });
}

/** Parses HTTP. Streams may be quiet for as long as they like: long polls and watches are. */
export function http(statPrefix: string, fields: JsonMap): JsonMap {
  return filter('http', 'filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: statPrefix,
    stream_idle_timeout: '0s',
    http_filters: [filter('router', 'filters.http.router.v3.Router', { suppress_envoy_headers: true })],
    ...fields,
  });
}

/** A route table by name. */
export function routeTable(name: string): JsonMap {
  return { rds: { route_config_name: name, config_source: ADS } };
}

/** The address and port that a redirected connection was meant for. */
const ORIGINAL_DESTINATION: JsonMap = filter('original_dst', 'filters.listener.original_dst.v3.OriginalDst');

/**
 * How a listener comes to know what a captured connection was meant for. Where it is transparent, the rules choose it for calls to addresses
 * that it does not listen on, and each accepted connection has the address that was dialled as its own; else they redirect calls to it.
 */
export function captured(transparent: boolean): JsonMap {
  return transparent ? { transparent } : { listener_filters: [ORIGINAL_DESTINATION] };
}

/** Bytes as they are. */
export const PLAINTEXT: JsonMap = filter('plaintext', 'transport_sockets.raw_buffer.v3.RawBuffer');

/** To a listener inside this Envoy; it sees the endpoint's metadata and what connections share of their filter state. */
export function internalSocket(metadata: string): JsonMap {
  return filter('internal', 'transport_sockets.internal_upstream.v3.InternalUpstreamTransport', {
    passthrough_metadata: [{ kind: { host: {} }, name: metadata }],
    transport_socket: PLAINTEXT,
  });
}

/** A port of an address, in a network namespace when one is named by its path. */
export function socket(address: string, port: number, namespace?: string): JsonMap {
  const place = namespace === undefined ? {} : { network_namespace_filepath: namespace };
  return { socket_address: { address, port_value: port, ...place } };
}

/** One address as a CidrRange. */
export function range(address: string): JsonMap {
  return { address_prefix: address, prefix_len: isIPv6(address) ? 128 : 32 };
}
