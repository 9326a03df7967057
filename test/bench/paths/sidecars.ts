import { SERVER_PORTS } from '../server.ts';
import {
  BALANCED,
  bootstrap,
  downstreamTls,
  http2,
  httpTo,
  type Json,
  listener,
  staticCluster,
  tcpProxy,
  upstreamTls,
} from './envoy-parts.ts';
import { type EnvoyPlan, envoyPath } from './envoys.ts';
import { type Ground, type Path, portOf, portsFrom } from './path.ts';

const BASE = 22_000;
const HTTP_PORT = 22_100;
const TCP_PORT = 22_101;
const SNI = 'reviews.sidecar';

/** The sidecar of the caller: HTTP parsed, h2 over mutual TLS to the sidecar of the server; TCP in a TLS connection each. */
function callerConfig(ground: Ground): Json {
  const { root, web } = ground.certificates;
  const places = [
    ['across', ground.far.address],
    ['same host', '127.0.0.1'],
  ] as const;
  return bootstrap(
    'caller',
    places.flatMap(([place]) => [
      listener(`http ${place}`, '127.0.0.1', portOf(BASE, { layer: 'L7', place }), {
        filters: [httpTo(`http ${place}`)],
      }),
      listener(`tcp ${place}`, '127.0.0.1', portOf(BASE, { layer: 'L4', place }), {
        filters: [tcpProxy(`tcp ${place}`)],
      }),
    ]),
    places.flatMap(([place, address]) => [
      staticCluster(`http ${place}`, address, HTTP_PORT, { ...http2(), ...upstreamTls(root, web, SNI, 'h2') }),
      staticCluster(`tcp ${place}`, address, TCP_PORT, upstreamTls(root, web, SNI)),
    ]),
  );
}

/** The sidecar of the server: ends TLS, parses HTTP again, calls the application. */
function serverConfig(ground: Ground): Json {
  const { root, reviews } = ground.certificates;
  return bootstrap(
    'server',
    [
      {
        ...listener('http', '0.0.0.0', HTTP_PORT, { ...downstreamTls(root, reviews, 'h2'), filters: [httpTo('app')] }),
        ...BALANCED,
      },
      listener('tcp', '0.0.0.0', TCP_PORT, { ...downstreamTls(root, reviews), filters: [tcpProxy('app')] }),
    ],
    [staticCluster('app', '127.0.0.1', SERVER_PORTS.http)],
  );
}

/** An Envoy beside the caller and one beside the server, HTTP at both ends; within a host they are still two. */
export async function sidecars(ground: Ground): Promise<Path> {
  const server = { config: serverConfig(ground), ports: [HTTP_PORT, TCP_PORT] };
  const plans: readonly EnvoyPlan[] = [
    { host: ground.far, name: 'sidecar-far', ...server },
    { host: ground.caller, name: 'sidecar-near', ...server },
    {
      host: ground.caller,
      name: 'sidecar-caller',
      config: callerConfig(ground),
      ports: portsFrom(BASE),
    },
  ];
  return await envoyPath(ground, 'sidecar pair', BASE, plans);
}
