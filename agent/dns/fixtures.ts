import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket as TcpSocket } from 'node:net';
import type { ExecutionContext } from 'ava';
import dnsPacket from 'dns-packet';
import type { ServiceName } from '../../manager/model/host-view.ts';
import { silentLogger } from '../../manager/model/util/log.ts';
import { Framing, frame } from './framing.ts';
import { DnsServer, type DnsServerOptions } from './server.ts';

/** A service of the mesh. */
export const REVIEWS: ServiceName = {
  name: 'reviews',
  namespace: 'default',
  hostname: 'reviews.default.mesh',
  aliases: ['reviews.service.consul'],
  ports: [{ number: 9080, name: 'http', protocol: 'http' }],
  virtualIps: ['240.240.0.1', 'fd69:7374:686d::1'],
};

/** The declarations of dns-packet lack the response code. */
export type Reply = dnsPacket.DecodedPacket & { readonly rcode: string };

/** Reads a message. */
export const decode = (message: Buffer): Reply => dnsPacket.decode(message) as Reply;

/** Listens at one port in both protocols. */
export async function pair(accept: (socket: TcpSocket) => void): Promise<{ tcp: Server; udp: Socket; port: number }> {
  for (;;) {
    const tcp = createServer(accept).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket('udp4').bind(port, '127.0.0.1');
    try {
      await once(udp, 'listening');
      return { tcp, udp, port };
    } catch {
      // Somebody has it in UDP: another is looked for.
      tcp.close();
    }
  }
}

/** A server of the host: answers every query with what `reply` makes of it. */
export async function upstream(
  t: ExecutionContext,
  reply: (query: Buffer) => Buffer | undefined,
): Promise<{ port: number; seen: Buffer[]; answerAll: (reply: (query: Buffer) => Buffer) => void }> {
  const seen: Buffer[] = [];
  const open: { readonly query: Buffer; readonly port: number }[] = [];
  const accept = (socket: TcpSocket): void => {
    const framing = new Framing();
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      for (const query of framing.push(bytes)) {
        seen.push(query);
        const answer = reply(query);
        if (answer) socket.write(frame(answer));
        else socket.destroy();
      }
    });
  };
  const { tcp, udp, port } = await pair(accept);
  udp.on('message', (query, { port }) => {
    seen.push(query);
    const answer = reply(query);
    if (answer) udp.send(answer, port, '127.0.0.1');
    else open.push({ query, port });
  });
  t.teardown(() => {
    udp.close();
    tcp.close();
  });
  const answerAll = (late: (query: Buffer) => Buffer): void => {
    for (const { query, port: to } of open.splice(0)) udp.send(late(query), to, '127.0.0.1');
  };
  return { port, seen, answerAll };
}

/** Starts a server that knows no names yet; it ends with the test. */
export async function startUntold(t: ExecutionContext, options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  const server = await DnsServer.start({
    port: 0,
    resolvers: { servers: ['127.0.0.1'], rotate: false },
    onQuery: async () => undefined,
    namespaceOf: async () => undefined,
    logger: silentLogger,
    upstreamPort: 1,
    ...options,
  });
  t.teardown(() => server[Symbol.asyncDispose]());
  return server;
}

/** The same of one that knows `REVIEWS`. */
export async function start(t: ExecutionContext, options?: Partial<DnsServerOptions>): Promise<DnsServer> {
  const server = await startUntold(t, options);
  server.answerer.setNames([REVIEWS]);
  return server;
}

/** A socket to ask from. */
export async function client(t: ExecutionContext): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

/** Sends a query, and gives the answer as it came. */
export async function askRaw(t: ExecutionContext, server: DnsServer, query: Buffer): Promise<Buffer> {
  const socket = await client(t);
  socket.send(query, server.port, '127.0.0.1');
  const [reply] = (await once(socket, 'message')) as [Buffer];
  return reply;
}

/** Asks for a name. */
export async function ask(t: ExecutionContext, server: DnsServer, name: string, type: string): Promise<Reply> {
  return decode(await askRaw(t, server, question(name, type)));
}

/** A query, as it travels. */
export function question(name: string, type: string, id = 7): Buffer {
  return dnsPacket.encode({
    type: 'query',
    id,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name }],
  });
}

/** What the answers say. */
export const data = (packet: dnsPacket.DecodedPacket): unknown[] =>
  packet.answers!.map(answer => (answer as { data: unknown }).data);

/** Answers a query, with no address. */
export const yes = (query: Buffer): Buffer => {
  const reply = Buffer.from(query);
  reply[2] = 0x81;
  return reply;
};
