import { SERVER_PORT } from '../server.ts';
import type { Ground, Path } from './path.ts';

/** No proxy at all: what the ratios are to. */
export function direct(ground: Ground): Path {
  return {
    name: 'direct',
    target: load => ({
      inside: command => ground.caller.inside(command),
      url: `http://${load.place === 'across' ? ground.far.address : '127.0.0.1'}:${SERVER_PORT}/`,
    }),
    processes: () => new Map(),
    [Symbol.asyncDispose]: async () => {},
  };
}
