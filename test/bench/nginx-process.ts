import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Host, listens } from './host.ts';
import type { Program } from './program.ts';

/**
 * Starts nginx in the foreground; all its files lie in the folder.
 * @param port one that it listens on: it is ready when that stands.
 */
export async function startNginx(
  host: Host,
  name: string,
  folder: string,
  config: string,
  port: number,
): Promise<Program> {
  const file = join(folder, `${name}.conf`);
  const log = join(folder, `${name}.log`);
  await writeFile(file, config);
  const program = host.start(name, ['nginx', '-e', log, '-c', file], { log });
  try {
    await program.until('listener', () => listens(program.pid, port));
  } catch (error) {
    await program.stop();
    throw error;
  }
  return program;
}

/** The first lines of a configuration. */
export function mainSection(folder: string, name: string, workers: number): string {
  return `user root;
worker_processes ${workers};
worker_rlimit_nofile 20000;
daemon off;
pid ${join(folder, `${name}.pid`)};
events { worker_connections 16384; }
`;
}

/** The first lines of its `http` section: connections stay open, nothing is written but errors. */
export function httpSettings(folder: string, name: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
${kinds.map(kind => `  ${kind}_temp_path ${join(folder, `${name}-${kind}`)};`).join('\n')}
`;
}
