import type { CertificateFiles } from '../certificates.ts';

/** A piece of an Envoy configuration, as its JSON form. */
export type Json = Readonly<Record<string, unknown>>;

const TYPE = 'type.googleapis.com/envoy.extensions.';
const TLS_13 = { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' };
// Envoy's own limits of 1024 would be what is measured.
const LIMITS = { thresholds: [{ max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 }] };

/** An extension with its configuration. */
export function typed(name: string, type: string, fields: Json = {}): Json {
  return { name, typed_config: { '@type': TYPE + type, ...fields } };
}

/** A listener on a TCP port. */
export function listener(name: string, address: string, port: number, chain: Json): Json {
  return { name, address: { socket_address: { address, port_value: port } }, filter_chains: [chain] };
}

/** For a listener of few connections with many requests in each: otherwise it is luck whether they share one worker. */
export const BALANCED: Json = { connection_balance_config: { exact_balance: {} } };

/** For a listener whose filter chain is chosen by the name that a TLS client asks for. */
export const TLS_INSPECTOR: Json = {
  listener_filters: [typed('tls_inspector', 'filters.listener.tls_inspector.v3.TlsInspector')],
};

/** An object to put on a connection. */
export interface Stamp {
  readonly key: string;
  /** What it says, in Envoy's format strings. */
  readonly value: string;
  /** The key itself unless told otherwise. */
  readonly factory?: string;
  readonly shared: 'NONE' | 'ONCE' | 'TRANSITIVE';
}

/** The network filter that puts objects on a connection. */
export function stamp(...stamps: readonly Stamp[]): Json {
  return typed('stamp', 'filters.network.set_filter_state.v3.Config', {
    on_new_connection: stamps.map(({ key, value, factory = key, shared }) => ({
      object_key: key,
      factory_key: factory,
      format_string: { text_format_source: { inline_string: value } },
      shared_with_upstream: shared,
    })),
  });
}

/** A listener inside Envoy, called through an endpoint of {@link internalCluster}. */
export function internalListener(name: string, chain: Json): Json {
  return { name, internal_listener: {}, filter_chains: [chain] };
}

const cluster = (name: string, address: Json, fields: Json, endpoint: Json = {}): Json => ({
  name,
  connect_timeout: '2s',
  type: 'STATIC',
  circuit_breakers: LIMITS,
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address }, ...endpoint }] }] },
  ...fields,
});

/** A cluster of one address. */
export function staticCluster(name: string, address: string, port: number, fields: Json = {}): Json {
  return cluster(name, { socket_address: { address, port_value: port } }, fields);
}

/** A cluster that leads to a listener inside the same Envoy. @param metadata of its endpoint, which the listener's connections get. */
export function internalCluster(name: string, target: string, metadata: Json = {}): Json {
  const raw = typed('raw', 'transport_sockets.raw_buffer.v3.RawBuffer');
  const socket = typed('internal', 'transport_sockets.internal_upstream.v3.InternalUpstreamTransport', {
    passthrough_metadata: Object.keys(metadata).map(of => ({ kind: { host: {} }, name: of })),
    transport_socket: raw,
  });
  return cluster(
    name,
    { envoy_internal_address: { server_listener_name: target, endpoint_id: name } },
    { transport_socket: socket },
    { metadata: { filter_metadata: metadata } },
  );
}

/** Speak HTTP/2 to the cluster. */
export function http2(options: Json = {}): Json {
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const fields = { explicit_http_config: { http2_protocol_options: options } };
  return {
    typed_extension_protocol_options: {
      [name]: { '@type': `${TYPE}upstreams.http.v3.HttpProtocolOptions`, ...fields },
    },
  };
}

const fileOf = (files: CertificateFiles): Json => ({
  certificate_chain: { filename: files.certificate },
  private_key: { filename: files.key },
});

const common = (root: string, own: CertificateFiles, protocol: string | undefined): Json => ({
  tls_params: TLS_13,
  tls_certificates: [fileOf(own)],
  ...(protocol === undefined ? {} : { alpn_protocols: [protocol] }),
  validation_context: {
    trusted_ca: { filename: root },
    match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }],
  },
});

/** Mutual TLS towards a cluster; the server's SPIFFE ID is checked. */
export function upstreamTls(root: string, own: CertificateFiles, sni: string | undefined, protocol?: string): Json {
  const fields = { ...(sni !== undefined && { sni }), common_tls_context: common(root, own, protocol) };
  return { transport_socket: typed('tls', 'transport_sockets.tls.v3.UpstreamTlsContext', fields) };
}

/** Mutual TLS of a listener's chain; the client's SPIFFE ID is checked. */
export function downstreamTls(root: string, own: CertificateFiles, protocol?: string): Json {
  const fields = { require_client_certificate: true, common_tls_context: common(root, own, protocol) };
  return { transport_socket: typed('tls', 'transport_sockets.tls.v3.DownstreamTlsContext', fields) };
}

/** The network filter that passes bytes to a cluster. */
export function tcpProxy(to: string, fields: Json = {}): Json {
  return typed('tcp', 'filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: to, cluster: to, ...fields });
}

/** The network filter that parses HTTP and sends every request to a cluster. */
export function httpTo(to: string, fields: Json = {}, route: Json = {}): Json {
  const match = route['match'] ?? { prefix: '/' };
  const action = { cluster: to, timeout: '0s', ...(route['route'] as Json | undefined) };
  return typed('http', 'filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: to,
    http_filters: [typed('router', 'filters.http.router.v3.Router')],
    route_config: { virtual_hosts: [{ name: to, domains: ['*'], routes: [{ match, route: action }] }] },
    ...fields,
  });
}

/** A whole static configuration. */
export function bootstrap(node: string, listeners: readonly Json[], clusters: readonly Json[]): Json {
  return {
    node: { id: node, cluster: node },
    // Without it, a server that closes first ends its tunnel by a reset, and the internal listener throws away what it still holds.
    layered_runtime: {
      layers: [
        {
          name: 'static',
          static_layer: { 'envoy.reloadable_features.propagate_upstream_rst_through_tunneled_tcp_proxy': false },
        },
      ],
    },
    bootstrap_extensions: [typed('internal', 'bootstrap.internal_listener.v3.InternalListener')],
    static_resources: { listeners, clusters },
  };
}
