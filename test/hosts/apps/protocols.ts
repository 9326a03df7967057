/**
 * A server of many protocols: `protocols.ts <name> <http port> <http2 port> <second http2 port> <grpc port>`. HTTP/1 and WebSocket on the
 * first port, HTTP/2 with prior knowledge on the next two, gRPC on the last.
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { ECHO, type EchoHandlers } from './grpc-echo.ts';
import { acceptWebSocket } from './websocket.ts';

const [name = 'protocols', http = '0', http2 = '0', other2 = '0', grpc = '0'] = process.argv.slice(2);

/** `/chunked` has no length, `/trailers` has a trailer; all else says what came. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  response.setHeader('x-instance', name);
  if (request.url === '/chunked') {
    for (const part of ['one ', 'two ', 'three']) response.write(part);
    response.end();
    return;
  }
  if (request.url === '/trailers') {
    response.writeHead(200, { trailer: 'x-end' });
    response.write(JSON.stringify({ instance: name, end: request.trailers['x-end'] }));
    response.addTrailers({ 'x-end': 'whole' });
    response.end();
    return;
  }
  response.end(JSON.stringify({ instance: name, version: request.httpVersion, bytes, sha256: hash.digest('hex') }));
}

function serveHttp(port: number): ReturnType<typeof createServer> {
  const server = createServer((request, response) => void answer(request, response));
  // Whoever asks first is told before it sends: `/no` refuses, all else may come.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/no') {
      response.writeHead(417, { connection: 'close' }).end();
      return;
    }
    response.writeContinue();
    void answer(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) =>
    acceptWebSocket(request, socket, text => `${name}: ${text}`),
  );
  return server.listen(port, '::');
}

function serveHttp2(port: number): ReturnType<typeof createHttp2Server> {
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.respond({ ':status': 200, 'x-instance': name }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'whole' }));
    stream.end(JSON.stringify({ instance: name, version: '2', path: headers[':path'] }));
  });
  return server.listen(port, '::');
}

const HANDLERS: EchoHandlers = {
  Say(call, callback) {
    const trailers = new Metadata();
    trailers.set('x-end', 'whole');
    const text = call.request.toString();
    if (text === 'missing')
      callback({ code: status.NOT_FOUND, details: `${name} has no such thing`, metadata: trailers });
    else callback(null, Buffer.from(`${name}: ${text}`), trailers);
  },
  Count(call) {
    const last = Number(call.request.toString());
    for (let number = 1; number <= last; number += 1) call.write(Buffer.from(String(number)));
    const trailers = new Metadata();
    trailers.set('x-end', name);
    call.end(trailers);
  },
};

async function serveGrpc(port: number): Promise<void> {
  const server = new Server();
  server.addService(ECHO, HANDLERS);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`[::]:${port}`, ServerCredentials.createInsecure(), error => (error ? reject(error) : resolve()));
  });
}

const servers = [serveHttp(Number(http)), serveHttp2(Number(http2)), serveHttp2(Number(other2))];
await Promise.all([serveGrpc(Number(grpc)), ...servers.map(server => once(server, 'listening'))]);
console.log(`listening ${grpc}`);
