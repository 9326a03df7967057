import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../hosts/host.ts';
import type { Running } from '../hosts/process.ts';
import { startDaemon } from './daemon.ts';
import { httpSettings, mainSection } from './nginx-config.ts';

/** User that servers run as. */
export const SERVER_UID = 3001;

/** Ports of the server on every host: one for HTTP, one that is told to be plain TCP, two that answer with their own number. */
export const SERVER_PORTS = { http: 8080, tcp: 8081, first: 8082, second: 8083 } as const;

/** The server that every path leads to: nginx with one worker that answers from memory; 1 KiB on the ports that are loaded. */
export async function startServer(host: Host): Promise<Running> {
  const folder = join(host.folder, 'server');
  await mkdir(folder);
  await chown(folder, SERVER_UID, SERVER_UID);
  const { http, tcp, first, second } = SERVER_PORTS;
  const server = (port: number, body: string): string => `
  server {
    listen ${port} backlog=4096;
    location / { default_type text/plain; return 200 "${body}"; }
  }`;
  const kilobyte = `${'x'.repeat(1023)}\\n`;
  const config = `${mainSection(folder, 1)}
http {
${httpSettings(folder)}
${server(http, kilobyte)}${server(tcp, kilobyte)}${server(first, String(first))}${server(second, String(second))}
}
`;
  const file = join(folder, 'nginx.conf');
  await writeFile(file, config);
  const command = ['nginx', '-e', 'stderr', '-c', file];
  return await startDaemon(host, command, Object.values(SERVER_PORTS), { uid: SERVER_UID });
}
