// A caller that calls one service from some ports of its own, then from each of them another service; servers close first. Prints how many
// calls came to their end.
import { once } from 'node:events';
import { connect } from 'node:net';

const PORTS = Array.from({ length: 16 }, (_, index) => 33_001 + index);

async function call(service: number, localPort: number): Promise<void> {
  const socket = connect({ host: `240.240.0.${service}`, port: 80, localPort });
  socket.write('\r\n');
  await once(socket.resume(), 'close', { signal: AbortSignal.timeout(10_000) });
}

await Promise.all(PORTS.map(port => call(1, port)));
await Promise.all(PORTS.map((port, index) => call(index + 2, port)));
console.log(`called ${2 * PORTS.length}`);
