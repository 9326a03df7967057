// same-ports.ts <port>: a listener that closes first. same-ports.ts: a caller that calls one service from some ports of its own, then from each
// of them another service. Prints how many calls came to their end.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const [listener] = process.argv.slice(2);
const PORTS = Array.from({ length: 16 }, (_, index) => 33_001 + index);

async function call(service: number, localPort: number): Promise<void> {
  const socket = connect({ host: `240.240.0.${service}`, port: 80, localPort });
  await once(socket.resume(), 'close', { signal: AbortSignal.timeout(10_000) });
}

if (listener !== undefined) {
  const server = createServer(socket => socket.end('bye'));
  await once(server.listen(Number(listener)), 'listening');
  console.log('listening');
} else {
  await Promise.all(PORTS.map(port => call(1, port)));
  await Promise.all(PORTS.map((port, index) => call(index + 2, port)));
  console.log(`called ${2 * PORTS.length}`);
}
