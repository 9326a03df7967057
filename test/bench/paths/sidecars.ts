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

const SNI = 'reviews.sidecar';

/** How HTTP goes between two sidecars. */
interface Between {
  /** Of the path. */
  readonly name: string;
  readonly base: number;
  /** As ALPN names it. */
  readonly protocol: 'h2' | 'http/1.1';
}

const httpPort = ({ base }: Between): number => base + 100;
const tcpPort = ({ base }: Between): number => base + 101;

/** The sidecar of the caller: HTTP parsed, sent over mutual TLS to the sidecar of the server; TCP in a TLS connection each. */
function callerConfig(ground: Ground, between: Between): Json {
  const { base, protocol } = between;
  const { root, web } = ground.certificates;
  const places = [
    ['across', ground.far.address],
    ['same host', '127.0.0.1'],
  ] as const;
  return bootstrap(
    'caller',
    places.flatMap(([place]) => [
      listener(`http ${place}`, '127.0.0.1', portOf(base, { layer: 'L7', place }), {
        filters: [httpTo(`http ${place}`)],
      }),
      listener(`tcp ${place}`, '127.0.0.1', portOf(base, { layer: 'L4', place }), {
        filters: [tcpProxy(`tcp ${place}`)],
      }),
    ]),
    places.flatMap(([place, address]) => [
      staticCluster(`http ${place}`, address, httpPort(between), {
        ...(protocol === 'h2' ? http2() : {}),
        ...upstreamTls(root, web, SNI, protocol),
      }),
      staticCluster(`tcp ${place}`, address, tcpPort(between), upstreamTls(root, web, SNI)),
    ]),
  );
}

/** The sidecar of the server: ends TLS, parses HTTP again, calls the application. */
function serverConfig(ground: Ground, between: Between): Json {
  const { root, reviews } = ground.certificates;
  const tls = downstreamTls(root, reviews, between.protocol);
  return bootstrap(
    'server',
    [
      {
        ...listener('http', '0.0.0.0', httpPort(between), { ...tls, filters: [httpTo('app')] }),
        ...BALANCED,
      },
      listener('tcp', '0.0.0.0', tcpPort(between), { ...downstreamTls(root, reviews), filters: [tcpProxy('app')] }),
    ],
    [staticCluster('app', '127.0.0.1', SERVER_PORTS.http)],
  );
}

/** An Envoy beside the caller and one beside the server, HTTP at both ends; within a host they are still two. */
async function sidecars(ground: Ground, between: Between): Promise<Path> {
  const server = { config: serverConfig(ground, between), ports: [httpPort(between), tcpPort(between)] };
  const called = `sidecar-${between.base}`;
  const plans: readonly EnvoyPlan[] = [
    { host: ground.far, name: `${called}-far`, ...server },
    { host: ground.caller, name: `${called}-near`, ...server },
    {
      host: ground.caller,
      name: `${called}-caller`,
      config: callerConfig(ground, between),
      ports: portsFrom(between.base),
    },
  ];
  return await envoyPath(ground, between.name, between.base, plans);
}

/** What sidecars speak to each other for callers in HTTP/1.1 unless told otherwise, Istio's at least: the caller's own version. */
export const sidecars1 = (ground: Ground): Promise<Path> =>
  sidecars(ground, { name: 'sidecar pair', base: 22_000, protocol: 'http/1.1' });

/** The same with HTTP/2 between them. */
export const sidecars2 = (ground: Ground): Promise<Path> =>
  sidecars(ground, { name: 'sidecar pair, HTTP/2', base: 22_200, protocol: 'h2' });
