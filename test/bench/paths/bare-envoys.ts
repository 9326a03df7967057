import { SERVER_PORTS } from '../server.ts';
import {
  BALANCED,
  bootstrap,
  downstreamTls,
  http2,
  httpTo,
  internalCluster,
  internalListener,
  type Json,
  listener,
  staticCluster,
  tcpProxy,
  typed,
  upstreamTls,
} from './envoy-parts.ts';
import { envoyPath } from './envoys.ts';
import { type Ground, type Path, portOf, portsFrom } from './path.ts';

/** The caller's listeners, see `portOf`. */
export const BASE = 21_000;
const TUNNEL_PORT = 15_008;

/** The caller's Envoy: HTTP is parsed here, and only here; an internal listener puts the bytes into a CONNECT tunnel in mutual TLS. */
function callerConfig(ground: Ground, address: string, more: Json): Json {
  const { certificates } = ground;
  const on = (name: string, layer: 'L4' | 'L7', place: 'across' | 'same host', filter: Json): Json => ({
    ...listener(name, address, portOf(BASE, { layer, place }), { filters: [filter] }),
    ...more,
  });
  return bootstrap(
    'caller',
    [
      on('http-across', 'L7', 'across', httpTo('across')),
      on('tcp-across', 'L4', 'across', tcpProxy('across')),
      on('http-same', 'L7', 'same host', httpTo('same')),
      on('tcp-same', 'L4', 'same host', tcpProxy('same')),
      internalListener('hbone', {
        filters: [tcpProxy('tunnel', { tunneling_config: { hostname: `reviews.mesh:${SERVER_PORTS.http}` } })],
      }),
      internalListener('local', { filters: [tcpProxy('app')] }),
    ],
    [
      internalCluster('across', 'hbone'),
      internalCluster('same', 'local'),
      staticCluster('app', '127.0.0.1', SERVER_PORTS.http),
      staticCluster('tunnel', ground.far.address, TUNNEL_PORT, {
        ...http2(),
        ...upstreamTls(certificates.root, certificates.web, 'reviews.mesh', 'h2'),
      }),
    ],
  );
}

/** The far Envoy: ends the tunnel, passes bytes. */
function farConfig(ground: Ground): Json {
  const { certificates } = ground;
  const filter = httpTo(
    'app',
    {
      codec_type: 'HTTP2',
      generate_request_id: false,
      http2_protocol_options: { allow_connect: true },
      upgrade_configs: [{ upgrade_type: 'CONNECT' }],
    },
    {
      match: { connect_matcher: {} },
      route: { upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
    },
  );
  const chain = {
    filter_chain_match: { server_names: ['reviews.mesh'] },
    ...downstreamTls(certificates.root, certificates.reviews, 'h2'),
    filters: [filter],
  };
  const tunnel = {
    ...listener('tunnel', '0.0.0.0', TUNNEL_PORT, chain),
    ...BALANCED,
    listener_filters: [typed('tls_inspector', 'filters.listener.tls_inspector.v3.TlsInspector')],
  };
  return bootstrap('far', [tunnel], [staticCluster('app', '127.0.0.1', SERVER_PORTS.http)]);
}

/**
 * Two Envoys of the same shape as ours, and nothing of ours: HTTP once at the caller, a CONNECT tunnel over mutual TLS, bytes at the far
 * end; within a host, one Envoy with an internal listener before the application.
 * @param address that the caller's Envoy listens on.
 * @param more fields of these listeners.
 */
export async function bareEnvoys(
  ground: Ground,
  name = 'bare Envoys',
  address = '127.0.0.1',
  more: Json = {},
): Promise<Path> {
  return await envoyPath(ground, name, BASE, [
    { host: ground.far, name: 'bare-far', config: farConfig(ground), ports: [TUNNEL_PORT] },
    { host: ground.caller, name: 'bare-caller', config: callerConfig(ground, address, more), ports: portsFrom(BASE) },
  ]);
}
