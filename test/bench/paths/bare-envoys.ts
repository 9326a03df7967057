import { SERVER_PORTS } from '../server.ts';
import { APP, type CallerListeners, callerListeners, type EnvoyPair, farEnvoy, TUNNEL_PORT } from './envoy-pair.ts';
import {
  bootstrap,
  http2,
  internalCluster,
  internalListener,
  type Json,
  staticCluster,
  tcpProxy,
  upstreamTls,
} from './envoy-parts.ts';
import type { Ground } from './path.ts';

/** The caller's Envoy: HTTP is parsed here, and only here; an internal listener puts the bytes into a CONNECT tunnel in mutual TLS. */
function callerConfig({ far, certificates }: Ground, listeners: CallerListeners): Json {
  return bootstrap(
    'caller',
    [
      ...callerListeners(listeners),
      internalListener('hbone', {
        filters: [tcpProxy('tunnel', { tunneling_config: { hostname: `reviews.mesh:${SERVER_PORTS.http}` } })],
      }),
      internalListener('local', { filters: [tcpProxy('app')] }),
    ],
    [
      internalCluster('across', 'hbone'),
      internalCluster('same', 'local'),
      APP,
      staticCluster('tunnel', far.address, TUNNEL_PORT, {
        ...http2(),
        ...upstreamTls(certificates.root, certificates.web, 'reviews.mesh', 'h2'),
      }),
    ],
  );
}

/**
 * Two Envoys with the hops of ours, and nothing of ours: HTTP once at the caller, a CONNECT tunnel over mutual TLS, bytes at the far
 * end; within a host, one Envoy with an internal listener before the application. They know one caller and one instance.
 */
export const BARE: EnvoyPair = {
  name: 'bare Envoys',
  caller: callerConfig,
  far: ground => farEnvoy(ground, { name: 'reviews.mesh' }),
};
