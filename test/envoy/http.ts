import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A server that answers everything with one text. */
export interface Origin extends AsyncDisposable {
  readonly port: number;
}

export async function origin(answer: string): Promise<Origin> {
  const server: Server = createServer((_request, response) => void response.end(answer));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    },
  };
}

export interface Called {
  /** 0 when the connection failed. */
  readonly status: number;
  readonly body: string;
  /** The header `x-who` of the answer. */
  readonly who?: string;
}

/** Makes a call on a connection of its own. */
export async function call(port: number, host: string): Promise<Called> {
  const { promise, resolve, reject } = Promise.withResolvers<Called>();
  const request = get({ host: '127.0.0.1', port, headers: { host }, agent: false, timeout: 5_000 }, response => {
    const who = response.headers['x-who'];
    const said = { status: response.statusCode ?? 0, ...(typeof who === 'string' ? { who } : {}) };
    text(response).then(body => resolve({ ...said, body }), reject);
  });
  request.on('timeout', () => request.destroy(new Error('no answer within 5 s')));
  request.on('error', error => resolve({ status: 0, body: error.message }));
  return await promise;
}

/** Calls over and over until disposed of; `failed` counts what was not answered with 200. */
export interface Load extends AsyncDisposable {
  readonly calls: number;
  readonly failed: readonly string[];
}

export function load(port: number, host: string, callers: number = 4): Load {
  let [calls, stopped] = [0, false];
  const failed: string[] = [];
  const caller = async (): Promise<void> => {
    while (!stopped) {
      const { status, body } = await call(port, host);
      calls += 1;
      if (status !== 200) failed.push(`${status} ${body}`);
    }
  };
  const all = Promise.all(Array.from({ length: callers }, caller));
  return {
    get calls() {
      return calls;
    },
    failed,
    async [Symbol.asyncDispose]() {
      stopped = true;
      await all;
    },
  };
}
