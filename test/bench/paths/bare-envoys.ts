import { SERVER_PORTS } from '../server.ts';
import { BASE, type CallerListeners, type EnvoyPair, TUNNEL_PORT } from './envoy-pair.ts';
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
  TLS_INSPECTOR,
  tcpProxy,
  upstreamTls,
} from './envoy-parts.ts';
import { type Ground, portOf } from './path.ts';

/** The caller's Envoy: HTTP is parsed here, and only here; an internal listener puts the bytes into a CONNECT tunnel in mutual TLS. */
function callerConfig({ far, certificates }: Ground, { address, fields }: CallerListeners): Json {
  const on = (name: string, layer: 'L4' | 'L7', place: 'across' | 'same host', filter: Json): Json => ({
    ...listener(name, address, portOf(BASE, { layer, place }), { filters: [filter] }),
    ...fields,
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
      staticCluster('tunnel', far.address, TUNNEL_PORT, {
        ...http2(),
        ...upstreamTls(certificates.root, certificates.web, 'reviews.mesh', 'h2'),
      }),
    ],
  );
}

/** The far Envoy: ends the tunnel, passes bytes. */
function farConfig({ certificates }: Ground): Json {
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
    ...TLS_INSPECTOR,
  };
  return bootstrap('far', [tunnel], [staticCluster('app', '127.0.0.1', SERVER_PORTS.http)]);
}

/**
 * Two Envoys with the hops of ours, and nothing of ours: HTTP once at the caller, a CONNECT tunnel over mutual TLS, bytes at the far
 * end; within a host, one Envoy with an internal listener before the application. They know one caller and one instance.
 */
export const BARE: EnvoyPair = { name: 'bare Envoys', caller: callerConfig, far: farConfig };
