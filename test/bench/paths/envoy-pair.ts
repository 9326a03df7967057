import type { Json } from './envoy-parts.ts';
import { envoyPath } from './envoys.ts';
import { type Ground, type Path, portsFrom } from './path.ts';

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
