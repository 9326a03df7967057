/**
 * A TCP server that speaks first: `banner.ts <name> <[address:]port>`. Says `<name> ready\n`, then sends back what it gets.
 * It prints a line for each connection that reached it.
 */
import { createServer } from 'node:net';

const [name = 'banner', place = '0'] = process.argv.slice(2);
const [, address, port] = /^(?:(.*):)?(\d+)$/.exec(place) ?? [];
const server = createServer(socket => {
  console.log(`accepted ${socket.remoteAddress}`);
  socket.on('error', () => undefined);
  socket.write(`${name} ready\n`);
  socket.pipe(socket);
});
server.listen(Number(port), address ?? '::', 4096, () => console.log(`listening ${place}`));
