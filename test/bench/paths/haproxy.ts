import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemon } from '../daemon.ts';
import { SERVER_PORTS } from '../server.ts';
import { type Ground, loopbackTarget, type Path, portOf, portsFrom } from './path.ts';

const BASE = 23_000;

function config(ground: Ground): string {
  const sections = (['L7', 'L4'] as const).flatMap(layer =>
    (['across', 'same host'] as const).map(place => {
      const address = place === 'across' ? ground.far.address : '127.0.0.1';
      return [
        `listen ${layer}-${place.replace(' ', '-')}`,
        `  mode ${layer === 'L7' ? 'http' : 'tcp'}`,
        ...(layer === 'L7' ? ['  http-reuse always'] : []),
        `  bind 127.0.0.1:${portOf(BASE, { layer, place })}`,
        `  server app ${address}:${SERVER_PORTS.http}`,
      ].join('\n');
    }),
  );
  const timeouts = ['connect 2s', 'client 60s', 'server 60s'].map(timeout => `  timeout ${timeout}`);
  return `${['global', '  maxconn 5000', 'defaults', ...timeouts, ...sections].join('\n')}\n`;
}

/** One HAProxy beside the caller; nothing at the server, no encryption, no identity. */
export async function haproxy(ground: Ground): Promise<Path> {
  const file = join(ground.caller.folder, 'haproxy.cfg');
  await writeFile(file, config(ground));
  const { pid } = await startDaemon(ground.caller, ['haproxy', '-db', '-f', file], portsFrom(BASE));
  return {
    name: 'HAProxy',
    target: load => loopbackTarget(ground.caller, BASE, load),
    processes: () => new Map([['haproxy', [pid]]]),
  };
}
