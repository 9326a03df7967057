import { once } from 'node:events';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { connect } from 'node:net';
import { withPort } from '../model/util/address.ts';
import { codeOf, messageOf } from '../model/util/errors.ts';
import { http } from '../model/util/http.ts';
import type { Logger } from '../model/util/log.ts';
import { listenPrivately } from '../model/util/private-socket.ts';
import { requireToken } from './access.ts';
import { readRequest } from './request.ts';
import type { Routes } from './routes.ts';
import { apiErrorOf, sendJson, statusObject } from './status.ts';

/** A certificate and its key, PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface ApiServerOptions {
  readonly routes: Routes;
  readonly log: Logger;
  /** Somebody came without the admin token, or with another. @param from its address. */
  readonly onUnauthorized?: (from: string, why: string) => void;
  /** Such as `/run/isthmus/manager.sock`: whoever may open it may do everything. */
  readonly socketPath: string;
  /** Where others may ask, with the admin token; absent: nowhere. */
  readonly https?: {
    readonly host: string;
    /** 15014; 0 takes a free one. */
    readonly port: number;
    readonly certificate: ServerCertificate;
    readonly token: string;
  };
}

/** The running API. */
export interface ApiServer {
  /** Where HTTPS is spoken, such as `https://127.0.0.1:15014`. */
  readonly url: string | undefined;
  /** Uses another certificate from the next connection on. */
  renew(certificate: ServerCertificate): void;
  /** Ends watches and connections, and removes the socket. */
  close(): Promise<void>;
}

const LIMITS: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
};
const MAXIMUM_CONNECTIONS = 1_024;

/** Listens on the socket and, when asked, on TLS. @throws when either is not to be had, with what to do. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const closing = new AbortController();
  const answer = (token: string | undefined) => (message: IncomingMessage, response: ServerResponse) => {
    void handle(options, token, message, response, closing.signal);
  };
  const local = http.createServer(LIMITS, answer(undefined));
  local.maxConnections = MAXIMUM_CONNECTIONS;
  await listenPrivately(local, options.socketPath, refuseSecond);
  const { https } = options;
  const remote =
    https && createTlsServer({ ...LIMITS, ...https.certificate, minVersion: 'TLSv1.2' }, answer(https.token));
  if (remote)
    await listenOnPort(remote, https.host, https.port).catch(async error => {
      await closeServer(local);
      throw error;
    });
  const address = remote?.address();
  return {
    url: typeof address === 'object' && address !== null ? `https://${withPort(https!.host, address.port)}` : undefined,
    renew: certificate => remote?.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' }),
    async close() {
      closing.abort();
      await Promise.all([local, ...(remote ? [remote] : [])].map(closeServer));
    },
  };
}

async function handle(
  { routes, log, onUnauthorized }: ApiServerOptions,
  token: string | undefined,
  message: IncomingMessage,
  response: ServerResponse,
  closing: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    if (token !== undefined) requireToken(message, token);
    await routes(await readRequest(message, AbortSignal.any([gone.signal, closing])), response);
  } catch (error) {
    const answer = apiErrorOf(error);
    if (answer.status === 401) onUnauthorized?.(message.socket.remoteAddress ?? 'an unknown address', answer.message);
    if (gone.signal.aborted) return;
    if (answer.status >= 500)
      log.error('A request failed', { method: message.method, path: message.url, error: messageOf(error) });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // What of the body was not read would be taken for the next request.
    if (!message.complete) response.setHeader('connection', 'close');
    if (answer.details?.retryAfterSeconds !== undefined)
      response.setHeader('retry-after', answer.details.retryAfterSeconds);
    sendJson(response, answer.status, statusObject(answer));
  }
}

/** @throws when a process listens there, rather than a file being left over from one that died. */
async function refuseSecond(path: string): Promise<void> {
  const socket = connect(path);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(2_000) });
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ECONNREFUSED') return;
    throw new Error(`Cannot listen on ${path}: what has it does not answer; see who with: ss -xlp, and end it`, {
      cause: error,
    });
  } finally {
    socket.destroy();
  }
  throw new Error(`Cannot listen on ${path}: another Manager does; stop it first`);
}

async function listenOnPort(server: TlsServer, host: string, port: number): Promise<void> {
  server.maxConnections = MAXIMUM_CONNECTIONS;
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    const hint =
      codeOf(error) === 'EADDRINUSE' ? ': the port is taken; stop what listens there, or choose another' : '';
    throw new Error(`Cannot listen on ${withPort(host, port)}${hint}`, { cause: error });
  }
}

async function closeServer(server: Server | TlsServer): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
