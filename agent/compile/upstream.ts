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

interface Http2Options {
  /** Probe connections, so that calls to a host that is gone without a word fail within 15 s. */
  readonly keepAlive?: boolean;
  /** Connections older than this take no new streams, ms. */
  readonly maxAgeMs?: number;
}

/** HTTP/2 from the first byte. */
export function http2Upstream({ keepAlive = false, maxAgeMs }: Http2Options = {}): JsonMap {
  const probes = keepAlive ? { connection_keepalive: { interval: '10s', timeout: '5s' } } : {};
  const age =
    maxAgeMs === undefined ? {} : { common_http_protocol_options: { max_connection_duration: `${maxAgeMs / 1000}s` } };
  return httpOptions({ explicit_http_config: { http2_protocol_options: probes }, ...age });
}

/** How instances of a port are spoken to: as its protocol says; for `http` in the version that the caller speaks, as without a mesh. */
export function upstreamProtocol(protocol: Protocol): JsonMap {
  switch (protocol) {
    case 'http':
      return httpOptions({ use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } });
    case 'http2':
    case 'grpc':
      return http2Upstream();
    case 'tcp':
    case 'tls':
    case 'udp':
      return {};
  }
}
