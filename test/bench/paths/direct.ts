import { SERVER_PORTS } from '../server.ts';
import type { Ground, Path } from './path.ts';

/** No proxy at all: what the ratios are to. */
export function direct({ caller, far }: Ground): Path {
  return {
    name: 'direct',
    target: load => ({
      host: caller,
      url: `http://${load.place === 'across' ? far.address : '127.0.0.1'}:${SERVER_PORTS.http}/`,
    }),
    processes: () => new Map(),
  };
}
