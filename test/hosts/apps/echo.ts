/**
 * An HTTP server that says who answered: `echo.ts <name> <[address:]port>…`. Answers every request with
 * `{"instance", "port", "source", "host", "method", "path", "headers", "body"}`; the path `/wait/<ms>` answers after so long,
 * `/status/<code>` with that status.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

const [name = 'echo', ...places] = process.argv.slice(2);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const { url: path = '/', method, headers, socket } = request;
  const [, kind, value] = /^\/(wait|status)\/(\d+)/.exec(path) ?? [];
  if (kind === 'wait') await delay(Number(value));
  const { remoteAddress: source, localPort: port } = socket;
  response.writeHead(kind === 'status' ? Number(value) : 200, {
    'content-type': 'application/json',
    'x-instance': name,
  });
  response.end(JSON.stringify({ instance: name, port, source, host: headers.host, method, path, headers, body }));
}

for (const place of places) {
  const [, address, port] = /^(?:(.*):)?(\d+)$/.exec(place) ?? [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(Number(port), address ?? '::', 4096, () => console.log(`listening ${place}`));
}
