import type { Host } from './host.ts';
import { httpSettings, mainSection, startNginx } from './nginx-process.ts';
import type { Program } from './program.ts';

/** Port of the server on every host. */
export const SERVER_PORT = 8080;

/** The server that every path leads to: 1 KiB from memory, by nginx with one worker. */
export async function startServer(host: Host, folder: string): Promise<Program> {
  const name = `server-${host.name}`;
  const config = `${mainSection(folder, name, 1)}
http {
${httpSettings(folder, name)}
  server {
    listen ${SERVER_PORT} backlog=4096;
    location / { default_type text/plain; return 200 "${'x'.repeat(1023)}\\n"; }
  }
}
`;
  return await startNginx(host, name, folder, config, SERVER_PORT);
}
