/**
 * Makes sockets inside a network namespace and hands them to the process that started it: `nsenter --net=<path> node make.ts <order>`.
 * A socket stays in the namespace that it was made in, whoever holds it, so no process has to stay there.
 */
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { udpSocket, unlessNoIpv6 } from '../sockets.ts';
import type { Made, Order } from './order.ts';

const { uid, ports, asking, connect: target } = JSON.parse(process.argv[2] ?? '') as Order;

const LOOPBACK_MS = 5000;

function hand(made: Made, handle: UdpSocket | Server | Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    // The declarations lack sockets of UDP, which Node hands over as well.
    process.send!(made, handle as Server, {}, error => (error ? reject(error) : resolve()));
  });
}

async function udp(family: 4 | 6, port: number, address?: string): Promise<UdpSocket> {
  const socket = udpSocket(family);
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** A container that was just made has its loopback addresses a moment later than its namespace. */
async function loopback(): Promise<void> {
  for (const deadline = performance.now() + LOOPBACK_MS; performance.now() < deadline; await delay(20)) {
    if (networkInterfaces()['lo']?.some(({ address }) => address === '127.0.0.1')) return;
  }
}

async function serve(family: 4 | 6, address: string): Promise<void> {
  for (const port of ports) {
    await hand({ kind: 'udp', family, port }, await udp(family, port, address));
    const tcp = createServer().listen({ host: address, port });
    await once(tcp, 'listening');
    await hand({ kind: 'tcp', family, port }, tcp);
  }
  for (let made = 0; made < asking; made += 1) await hand({ kind: 'asking', family, port: 0 }, await udp(family, 0));
}

// The kernel takes the owner of a socket from whoever makes it.
process.seteuid?.(uid);
if (target) {
  const connection = connect({ host: target.address, port: target.port, noDelay: true });
  await once(connection, 'connect');
  await hand({ kind: 'connection', family: 4, port: 0 }, connection);
} else {
  await loopback();
  await serve(4, '127.0.0.1');
  await serve(6, '::1').catch(unlessNoIpv6);
}
// All has been taken; what is open here would keep this process.
process.exit(0);
