import { SERVER_PORTS } from '../server.ts';
import {
  BALANCED,
  bootstrap,
  downstreamTls,
  httpTo,
  type Json,
  listener,
  staticCluster,
  TLS_INSPECTOR,
  tcpProxy,
} from './envoy-parts.ts';
import { envoyPath } from './envoys.ts';
import { type Ground, type Path, portOf, portsFrom } from './path.ts';

/** The caller's listeners, see `portOf`. */
export const BASE = 21_000;
/** Where the far Envoy takes tunnels. */
export const TUNNEL_PORT = 15_008;

/** How the caller's listeners are made. */
export interface CallerListeners {
  readonly address: string;
  /** More fields of each. */
  readonly fields: Json;
}

/** Two Envoys configured by hand. */
export interface EnvoyPair {
  readonly name: string;
  /** The caller's Envoy: listeners on the ports of {@link BASE}. */
  readonly caller: (ground: Ground, listeners: CallerListeners) => Json;
  /** The far Envoy: a listener on {@link TUNNEL_PORT}. */
  readonly far: (ground: Ground) => Json;
}

/** The application beside either Envoy. */
export const APP: Json = staticCluster('app', '127.0.0.1', SERVER_PORTS.http);

/** The caller's listeners, which lead to the clusters `across` and `same`. @param first filters before the one that does it. */
export function callerListeners({ address, fields }: CallerListeners, first: readonly Json[] = []): readonly Json[] {
  const on = (name: string, layer: 'L4' | 'L7', place: 'across' | 'same host', filter: Json): Json => ({
    ...listener(name, address, portOf(BASE, { layer, place }), { filters: [...first, filter] }),
    ...fields,
  });
  return [
    on('http-across', 'L7', 'across', httpTo('across')),
    on('tcp-across', 'L4', 'across', tcpProxy('across')),
    on('http-same', 'L7', 'same host', httpTo('same')),
    on('tcp-same', 'L4', 'same host', tcpProxy('same')),
  ];
}

/** How the far Envoy takes tunnels. */
export interface Tunnels {
  /** That the caller asks for in TLS. */
  readonly name: string;
  /** More of which of them are taken. */
  readonly match?: Json;
  /** More of how they are taken. */
  readonly fields?: Json;
}

/** A far Envoy: ends the tunnel, passes bytes. */
export function farEnvoy({ certificates }: Ground, { name, match, fields }: Tunnels): Json {
  const filter = httpTo(
    'app',
    {
      codec_type: 'HTTP2',
      generate_request_id: false,
      http2_protocol_options: { allow_connect: true },
      upgrade_configs: [{ upgrade_type: 'CONNECT' }],
      ...fields,
    },
    {
      match: { connect_matcher: {}, ...match },
      route: { upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
    },
  );
  const chain = {
    filter_chain_match: { server_names: [name] },
    ...downstreamTls(certificates.root, certificates.reviews, 'h2'),
    filters: [filter],
  };
  const tunnel = { ...listener('tunnel', '0.0.0.0', TUNNEL_PORT, chain), ...BALANCED, ...TLS_INSPECTOR };
  return bootstrap('far', [tunnel], [APP]);
}

/** Starts the two. On loopback unless told otherwise. */
export async function startPair(
  ground: Ground,
  pair: EnvoyPair,
  listeners: CallerListeners = { address: '127.0.0.1', fields: {} },
): Promise<Path> {
  return await envoyPath(ground, pair.name, BASE, [
    { host: ground.far, name: 'pair-far', config: pair.far(ground), ports: [TUNNEL_PORT] },
    { host: ground.caller, name: 'pair-caller', config: pair.caller(ground, listeners), ports: portsFrom(BASE) },
  ]);
}
