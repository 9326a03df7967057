import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemon } from '../daemon.ts';
import { httpSettings, mainSection } from '../nginx-config.ts';
import { SERVER_PORTS } from '../server.ts';
import { familyOf } from '../usage.ts';
import { type Ground, loopbackTarget, type Path, portOf, portsFrom } from './path.ts';

const BASE = 24_000;
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'; // Debian's libnginx-mod-stream

function config(ground: Ground, folder: string): string {
  const places = [
    ['across', ground.far.address],
    ['same host', '127.0.0.1'],
  ] as const;
  const http = places.map(([place, address]) => {
    const name = place.replace(' ', '-');
    return `
  upstream ${name} { server ${address}:${SERVER_PORTS.http}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${portOf(BASE, { layer: 'L7', place })} backlog=4096;
    location / { proxy_pass http://${name}; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }`;
  });
  const stream = places.map(
    ([place, address]) => `
  server {
    listen 127.0.0.1:${portOf(BASE, { layer: 'L4', place })} backlog=4096;
    proxy_pass ${address}:${SERVER_PORTS.http};
  }`,
  );
  return `load_module ${STREAM_MODULE};
user root;
${mainSection(folder, 2)}
http {
${httpSettings(folder)}${http.join('')}
}
stream {${stream.join('')}
}
`;
}

/** One nginx beside the caller; nothing at the server, no encryption, no identity. */
export async function nginx(ground: Ground): Promise<Path> {
  const folder = join(ground.caller.folder, 'nginx');
  await mkdir(folder);
  const file = join(folder, 'nginx.conf');
  await writeFile(file, config(ground, folder));
  const { pid } = await startDaemon(ground.caller, ['nginx', '-e', 'stderr', '-c', file], portsFrom(BASE));
  return {
    name: 'nginx',
    target: load => loopbackTarget(ground.caller, BASE, load),
    processes: () => new Map([['nginx', familyOf(pid)]]),
  };
}
