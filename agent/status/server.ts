import { once } from 'node:events';
import { statSync, unlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { RequestListener, Server } from 'node:http';
import { dirname } from 'node:path';
import { codeOf } from '../../manager/model/util/errors.ts';
import { http } from '../../manager/model/util/http.ts';
import { askStatus } from './client.ts';
import type { AgentStatus } from './status.ts';

/** What the socket answers from. */
export interface StatusSource {
  status(): AgentStatus;
}

/** Another agent runs on this host. */
export class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';
  readonly code = 'ALREADY_RUNNING';
}

const LOOK_MS = 2_000;

/**
 * Answers `GET /status` with JSON on a unix socket that only root may open. A socket that an earlier life left is replaced.
 * @throws {AlreadyRunningError} when another agent answers there.
 * @throws when the socket cannot be made.
 */
export async function serveStatus(path: string, source: StatusSource): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const answer: RequestListener = (request, response) => {
    request.resume();
    const found = request.method === 'GET' && request.url === '/status';
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ? source.status() : { error: 'try GET /status' }));
  };
  const server = http.createServer({ requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 1_000 }, answer);
  server.maxConnections = 32;
  const before = identityOf(path);
  await refuseSecond(path);
  if (!(await listen(server, path))) {
    // An earlier life left it, unless an agent that began just now took its place.
    if (before !== undefined && identityOf(path) === before) unlinkSync(path);
    if (!(await listen(server, path))) {
      await refuseSecond(path);
      throw new Error(`Cannot listen on ${path}: something takes its place again and again`);
    }
  }
  return {
    // That removes the socket, too.
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** Only the owner may open the socket. @returns false when something lies there. */
async function listen(server: Server, path: string): Promise<boolean> {
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  try {
    await once(server, 'listening');
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    return false;
  }
}

async function refuseSecond(path: string): Promise<void> {
  const other = await askStatus(path, AbortSignal.timeout(LOOK_MS));
  if (other)
    throw new AlreadyRunningError(`An agent runs on this host already, as process ${other.pid}; see: isthmus status`);
}

/** Tells a file from another that takes its place; undefined when there is none. */
function identityOf(path: string): string | undefined {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return file && `${file.ino} ${file.ctimeNs}`;
}
