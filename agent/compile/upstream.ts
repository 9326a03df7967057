import type { Protocol } from '../../manager/model/service.ts';
import { typed } from './names.ts';
import type { JsonMap } from './resource.ts';

/** Envoy's own limits (1024 of each) would refuse calls that the far end would have taken; limits are for config to set. */
export const LIMITS: JsonMap = {
  thresholds: [
    { max_connections: 1_000_000, max_pending_requests: 1_000_000, max_requests: 1_000_000, max_retries: 10_000 },
  ],
};

function httpOptions(fields: JsonMap): JsonMap {
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return { typed_extension_protocol_options: { [name]: typed('upstreams.http.v3.HttpProtocolOptions', fields) } };
}

/**
 * Connections of this age take no new requests and close when theirs are done, so that none goes on for long with a certificate that was
 * replaced: certificates live for 24 h and are renewed at half of it. A tunnel lives as long as the connections in it: both need this.
 */
const AGE = '3600s';

/**
 * A connection to an instance that carries nothing is closed before the instance does: Node, Apache and others do so after five seconds,
 * and a request that is on its way just then is lost. The next one is made in the tunnel that stands, for a fraction of a millisecond.
 */
const IDLE = '4s';

/** A tunnel takes a handshake, and some 60 KB: with many workloads there are hundreds. */
const TUNNEL_IDLE = '300s';

function connections(idle: string): JsonMap {
  return { common_http_protocol_options: { max_connection_duration: AGE, idle_timeout: idle } };
}

function http2(options: JsonMap, idle: string): JsonMap {
  return httpOptions({ explicit_http_config: { http2_protocol_options: options }, ...connections(idle) });
}

/** The tunnels to other hosts: HTTP/2 from the first byte. @param options of the protocol. */
export function tunnelProtocol(options: JsonMap): JsonMap {
  return http2(options, TUNNEL_IDLE);
}

/** How instances of a port are spoken to: as its protocol says; for `http` in the version that the caller speaks, as without a mesh. */
export function upstreamProtocol(protocol: Protocol): JsonMap {
  switch (protocol) {
    case 'http':
      return httpOptions({
        use_downstream_protocol_config: {
          http_protocol_options: { enable_trailers: true },
          http2_protocol_options: {},
        },
        ...connections(IDLE),
      });
    case 'http2':
    case 'grpc':
      return http2({}, IDLE);
    case 'tcp':
    case 'tls':
    case 'udp':
      return {};
  }
}
