import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listens } from '../host.ts';
import { SERVER_PORT } from '../server.ts';
import { type Ground, loopbackTarget, type Path, portOf } from './path.ts';

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
        `  server app ${address}:${SERVER_PORT}`,
      ].join('\n');
    }),
  );
  const globals = [
    'global',
    '  maxconn 5000',
    'defaults',
    '  timeout connect 2s',
    '  timeout client 60s',
    '  timeout server 60s',
  ];
  return `${[...globals, ...sections].join('\n')}\n`;
}

/** One HAProxy beside the caller; nothing at the server, no encryption, no identity. */
export async function haproxy(ground: Ground): Promise<Path> {
  const file = join(ground.folder, 'haproxy.cfg');
  await writeFile(file, config(ground));
  const program = ground.caller.start('haproxy', ['haproxy', '-db', '-f', file], {
    log: join(ground.folder, 'haproxy.log'),
  });
  await program.until('listener', () => listens(program.pid, BASE + 3));
  return {
    name: 'HAProxy',
    target: load => loopbackTarget(ground.caller, BASE, load),
    processes: () => new Map([['haproxy', [program.pid]]]),
    [Symbol.asyncDispose]: () => program.stop(),
  };
}
