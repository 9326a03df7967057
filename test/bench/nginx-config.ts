import { join } from 'node:path';

/** The first lines of a configuration; all files lie in the folder. */
export function mainSection(folder: string, workers: number): string {
  return `worker_processes ${workers};
worker_rlimit_nofile 20000;
daemon off;
error_log stderr error;
pid ${join(folder, 'nginx.pid')};
events { worker_connections 16384; }
`;
}

/** The first lines of its `http` section: connections stay open, nothing is written but errors. */
export function httpSettings(folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
${kinds.map(kind => `  ${kind}_temp_path ${join(folder, kind)};`).join('\n')}
`;
}
