import { existsSync } from 'node:fs';
import type { RequestListener, Server } from 'node:http';
import { http } from '../../manager/model/util/http.ts';
import { listenPrivately } from '../../manager/model/util/private-socket.ts';
import { askStatus } from './client.ts';
import type { AgentStatus } from './status.ts';

/** What the socket answers from. */
export interface StatusSource {
  status(): AgentStatus;
}

/** Answers until it is disposed. */
export interface StatusServer extends AsyncDisposable {
  /** Makes the socket again where somebody removed it; resolves to whether that was so. @throws as {@link serveStatus}. */
  restore(): Promise<boolean>;
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
export async function serveStatus(path: string, source: StatusSource): Promise<StatusServer> {
  const answer: RequestListener = (request, response) => {
    request.resume();
    const found = request.method === 'GET' && request.url === '/status';
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ? source.status() : { error: 'try GET /status' }));
  };
  const listen = async (): Promise<Server> => {
    const server = http.createServer({ requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 1_000 }, answer);
    server.maxConnections = 32;
    await listenPrivately(server, path, refuseSecond);
    return server;
  };
  let server = await listen();
  return {
    async restore() {
      if (existsSync(path)) return false;
      await close(server);
      server = await listen();
      return true;
    },
    [Symbol.asyncDispose]: () => close(server),
  };
}

/** That removes the socket, too. */
async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
}

async function refuseSecond(path: string): Promise<void> {
  const other = await askStatus(path, AbortSignal.timeout(LOOK_MS));
  if (other)
    throw new AlreadyRunningError(`An agent runs on this host already, as process ${other.pid}; see: isthmus status`);
}
