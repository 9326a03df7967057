import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import dnsPacket from 'dns-packet';
import type { ServiceName } from '../../manager/model/host-view.ts';
import { silentLogger } from '../../manager/model/util/log.ts';
import type { Asker } from './asker.ts';
import { Framing, frame } from './framing.ts';
import { DnsServer, type DnsServerOptions } from './server.ts';

const REVIEWS: ServiceName = {
  name: 'reviews',
  namespace: 'default',
  hostname: 'reviews.default.mesh',
  aliases: ['reviews.service.consul'],
  ports: [{ number: 9080, name: 'http', protocol: 'http' }],
  virtualIps: ['240.240.0.1', 'fd69:7374:686d::1'],
};

/** The declarations of dns-packet lack the response code. */
type Reply = dnsPacket.DecodedPacket & { readonly rcode: string };

const decode = (message: Buffer): Reply => dnsPacket.decode(message) as Reply;

/** Listens at one port in both protocols. */
async function pair(accept: (socket: TcpSocket) => void): Promise<{ tcp: Server; udp: Socket; port: number }> {
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
async function upstream(
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

async function start(t: ExecutionContext, options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  const server = await DnsServer.start({
    port: 0,
    resolvers: { servers: ['127.0.0.1'], rotate: false },
    onQuery: async () => undefined,
    namespaceOf: async () => undefined,
    logger: silentLogger,
    upstreamPort: 1,
    ...options,
  });
  server.answerer.setNames([REVIEWS]);
  t.teardown(() => server[Symbol.asyncDispose]());
  return server;
}

async function client(t: ExecutionContext): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

async function askRaw(t: ExecutionContext, server: DnsServer, query: Buffer): Promise<Buffer> {
  const socket = await client(t);
  socket.send(query, server.port, '127.0.0.1');
  const [reply] = (await once(socket, 'message')) as [Buffer];
  return reply;
}

async function ask(t: ExecutionContext, server: DnsServer, name: string, type: string): Promise<Reply> {
  return decode(await askRaw(t, server, question(name, type)));
}

function question(name: string, type: string, id = 7): Buffer {
  return dnsPacket.encode({
    type: 'query',
    id,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name }],
  });
}

const data = (packet: dnsPacket.DecodedPacket): unknown[] =>
  packet.answers!.map(answer => (answer as { data: unknown }).data);

test('addresses, ports, and what is not there', async t => {
  const server = await start(t);
  const a = await ask(t, server, 'ReViews', 'A');
  t.like(a, { id: 7, rcode: 'NOERROR', flag_aa: true, flag_ra: true, flag_rd: true });
  t.is(a.questions![0]!.name, 'ReViews');
  t.deepEqual(data(a), ['240.240.0.1']);
  t.deepEqual(data(await ask(t, server, 'reviews.service.consul', 'AAAA')), ['fd69:7374:686d::1']);
  const srv = await ask(t, server, '_http._tcp.reviews.default.mesh', 'SRV');
  t.like(data(srv)[0], { port: 9080, target: 'reviews.default.mesh' });
  t.is(srv.additionals!.length, 2);
  const nodata = await ask(t, server, 'reviews', 'MX');
  t.deepEqual([nodata.rcode, nodata.answers!.length, nodata.authorities!.length], ['NOERROR', 0, 1]);
  t.is((await ask(t, server, 'reviews', 'UNKNOWN_65')).rcode, 'NOERROR');
  t.is((await ask(t, server, 'nosuch.default.mesh', 'A')).rcode, 'NXDOMAIN');
  t.is((await ask(t, server, 'default.mesh', 'A')).rcode, 'NOERROR');
});

test('a service without an IPv6 address has none, which is not an error', async t => {
  const server = await start(t);
  server.answerer.setNames([{ ...REVIEWS, virtualIps: ['240.240.0.1'] }]);
  const packet = await ask(t, server, 'reviews', 'AAAA');
  t.deepEqual([packet.rcode, packet.answers], ['NOERROR', []]);
});

test('before the mesh is known its names are not denied', async t => {
  const server = await start(t);
  const fresh = await DnsServer.start({
    port: 0,
    resolvers: { servers: ['127.0.0.1'], rotate: false },
    onQuery: async () => undefined,
    namespaceOf: async () => undefined,
    logger: silentLogger,
    upstreamPort: 1,
  });
  t.teardown(() => fresh[Symbol.asyncDispose]());
  t.is((await ask(t, fresh, 'reviews.default.mesh', 'A')).rcode, 'SERVFAIL');
  t.is((await ask(t, server, 'reviews.default.mesh', 'A')).rcode, 'NOERROR');
});

test('an answer waits until the service can be called', async t => {
  const [asked, ready] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
  const onQuery = (hostname: string): Promise<void> => {
    asked.resolve(hostname);
    return ready.promise;
  };
  const server = await start(t, { onQuery, readyMs: 50_000 });
  const socket = await client(t);
  const next = async (): Promise<number> => ((await once(socket, 'message')) as [Buffer])[0].readUInt16BE(0);
  socket.send(question('reviews', 'A', 1), server.port, '127.0.0.1');
  const first = next();
  t.is(await Promise.race([asked.promise, first]), 'reviews.default.mesh');
  socket.send(question('nosuch.default.mesh', 'A', 2), server.port, '127.0.0.1');
  t.is(await first, 2, 'what was asked later and needs no service is answered first');
  ready.resolve();
  t.is(await next(), 1);
});

for (const [what, onQuery] of [
  ['is never ready', () => Promise.withResolvers<void>().promise],
  ['cannot be prepared', () => Promise.reject(new Error('no'))],
] as const)
  test(`an answer does not wait for ever: the service ${what}`, async t => {
    const server = await start(t, { onQuery, readyMs: 10 });
    t.deepEqual(data(await ask(t, server, 'reviews', 'A')), ['240.240.0.1']);
  });

test('the namespace of the asker decides what a short name means', async t => {
  const shop = {
    ...REVIEWS,
    namespace: 'shop',
    hostname: 'reviews.shop.mesh',
    aliases: [],
    virtualIps: ['240.240.0.9'],
  };
  const server = await start(t, { namespaceOf: async ({ address }) => (address === '127.0.0.1' ? 'shop' : undefined) });
  server.answerer.setNames([REVIEWS, shop]);
  t.deepEqual(data(await ask(t, server, 'reviews', 'A')), ['240.240.0.9']);
  t.deepEqual(data(await ask(t, server, 'reviews.default', 'A')), ['240.240.0.1']);
});

test('all else goes to the host server and comes back byte for byte, over UDP and TCP', async t => {
  const strange = Buffer.concat([question('example.org', 'A', 4711), Buffer.from([1, 2, 3])]);
  const reply = Buffer.from(strange);
  reply[2] = 0x87;
  reply[3] = 0x00;
  const host = await upstream(t, () => Buffer.concat([reply, Buffer.from('kept')]));
  const server = await start(t, { upstreamPort: host.port });
  t.deepEqual(await askRaw(t, server, strange), Buffer.concat([reply, Buffer.from('kept')]));
  const socket = connect(server.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(Buffer.concat([frame(strange), frame(question('reviews', 'A', 9))]));
  const framing = new Framing();
  const replies: Buffer[] = [];
  while (replies.length < 2) replies.push(...framing.push(((await once(socket, 'data')) as [Buffer])[0]));
  replies.sort((a, b) => a.readUInt16BE(0) - b.readUInt16BE(0));
  t.is(dnsPacket.decode(replies[0]!).id, 9);
  t.deepEqual(replies[1], Buffer.concat([reply, Buffer.from('kept')]));
  // On a busy machine a second passes without an answer, and the question is asked again.
  t.true(host.seen.length >= 2);
  for (const seen of host.seen) t.deepEqual(seen, strange);
  t.deepEqual(server.counts, { answered: 1, forwarded: 2, overloaded: 0 });
});

test('a server that is silent, refuses or is not there is passed over', async t => {
  const answered = (query: Buffer): Buffer => {
    const reply = Buffer.from(query);
    reply[2] = 0x81;
    return reply;
  };
  let turn = 0;
  const host = await upstream(t, query => {
    turn += 1;
    if (turn === 1) return undefined;
    const reply = answered(query);
    if (turn === 2) reply[3] = 5;
    return reply;
  });
  const server = await start(t, {
    upstreamPort: host.port,
    resolvers: { servers: ['127.0.0.9', '127.0.0.1', '127.0.0.1'], rotate: false },
  });
  const started = performance.now();
  t.is((await ask(t, server, 'example.org', 'A')).rcode, 'NOERROR');
  t.is(turn, 3);
  t.true(performance.now() - started < 3000);
  const nobody = await start(t);
  t.is((await ask(t, nobody, 'example.org', 'A')).rcode, 'SERVFAIL');
  const socket = connect(nobody.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(frame(question('example.org', 'A')));
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  t.is(decode(bytes.subarray(2)).rcode, 'SERVFAIL');
});

test('answers that do not belong to the question are not taken', async t => {
  const host = await upstream(t, query => {
    const other = question('evil.example', 'A', query.readUInt16BE(0));
    other[2] = 0x81;
    return other;
  });
  const server = await start(t, { upstreamPort: host.port });
  t.is((await ask(t, server, 'example.org', 'A')).rcode, 'SERVFAIL');
});

test('a thousand askers are all answered', async t => {
  const server = await start(t, { onQuery: () => delay(20) });
  const socket = await client(t);
  const codes = new Map<number, number>();
  socket.on('message', reply => codes.set(reply.readUInt16BE(0), reply[3]! & 0x0f));
  // Asked in waves that the kernel's buffers hold: both ends of the test share one thread.
  for (let id = 0; id < 1000; id += 1) {
    socket.send(question('reviews', 'A', id), server.port, '127.0.0.1');
    while (id % 100 === 99 && codes.size <= id) await once(socket, 'message');
  }
  t.deepEqual(new Set(codes.values()), new Set([0]));
});

test('names of virtual IPs are answered here, those of other addresses elsewhere', async t => {
  const host = await upstream(t, yes);
  const virtualRanges = (): string[] => ['240.240.0.0/16', 'fd69:7374:686d::/64'];
  const server = await start(t, { upstreamPort: host.port, virtualRanges });
  const six = (last: string): string => `${last}.${'0.'.repeat(19)}d.6.8.6.4.7.3.7.9.6.d.f.ip6.arpa`;
  t.deepEqual(data(await ask(t, server, '1.0.240.240.in-addr.arpa', 'PTR')), ['reviews.default.mesh']);
  t.deepEqual(data(await ask(t, server, six('1'), 'PTR')), ['reviews.default.mesh']);
  const nodata = await ask(t, server, '1.0.240.240.IN-ADDR.arpa', 'TXT');
  t.deepEqual([nodata.rcode, nodata.authorities![0]!.name], ['NOERROR', '0.240.240.in-addr.arpa']);
  for (const name of ['2.0.240.240.in-addr.arpa', six('2')])
    t.is((await ask(t, server, name, 'PTR')).rcode, 'NXDOMAIN');
  t.is(host.seen.length, 0);
  for (const name of ['1.0.241.240.in-addr.arpa', '999.0.240.240.in-addr.arpa', '240.240.in-addr.arpa'])
    t.is((await ask(t, server, name, 'PTR')).rcode, 'NOERROR', name);
  t.true(host.seen.length >= 3);
});

test('a version of EDNS that is not known is said to be so, of names of ours', async t => {
  const host = await upstream(t, yes);
  const server = await start(t, { upstreamPort: host.port });
  const asked = (name: string): Promise<Buffer> => {
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, ednsVersion: 1 } as dnsPacket.OptAnswer;
    return askRaw(
      t,
      server,
      dnsPacket.encode({ type: 'query', id: 5, questions: [{ type: 'A', name }], additionals: [opt] }),
    );
  };
  const { rcode, answers, additionals } = decode(await asked('reviews'));
  t.deepEqual([rcode, answers], ['NOERROR', []]);
  t.like(additionals![0], { type: 'OPT', extendedRcode: 1, ednsVersion: 0 });
  const [foreign] = decode(await asked('example.org')).additionals!;
  t.like(foreign, { ednsVersion: 1 }, 'as it came');
});

test('who prepares a service is told the deadline, and one that is late is warned of once', async t => {
  const said: unknown[] = [];
  const logger = { ...silentLogger, warn: (_: string, fields: unknown) => void said.push(fields) };
  const signals: AbortSignal[] = [];
  const onQuery = async (_: string, signal: AbortSignal): Promise<void> => {
    signals.push(signal);
    await once(signal, 'abort');
  };
  const server = await start(t, { onQuery, readyMs: 10, logger });
  for (const turn of [0, 1]) {
    t.deepEqual(data(await ask(t, server, 'reviews', 'A')), ['240.240.0.1']);
    t.true(signals[turn]!.aborted);
  }
  t.deepEqual(said, [{ hostname: 'reviews.default.mesh', reason: 'it is not ready after 10 ms', times: 1 }]);
});

const yes = (query: Buffer): Buffer => {
  const reply = Buffer.from(query);
  reply[2] = 0x81;
  return reply;
};

test('two hundred askers of one other name are all answered by one exchange, each by its id', async t => {
  const host = await upstream(t, () => undefined);
  const server = await start(t, { upstreamPort: host.port });
  const socket = await client(t);
  const replies = new Map<number, Buffer>();
  socket.on('message', reply => replies.set(reply.readUInt16BE(0), reply));
  for (let id = 0; id < 200; id += 1) socket.send(question('db.example', 'A', id), server.port, '127.0.0.1');
  // An option of EDNS may ask for another answer, and with another size the answer may be too long for who asked first.
  const [plain, large] = [512, 4096].map(udpPayloadSize =>
    dnsPacket.encode({
      type: 'query',
      id: 777,
      questions: [{ type: 'A', name: 'db.example' }],
      additionals: [{ type: 'OPT', name: '.', udpPayloadSize } as dnsPacket.OptAnswer],
    }),
  );
  for (const other of [plain!, large!]) socket.send(other, server.port, '127.0.0.1');
  while (server.counts.forwarded < 202) await new Promise(setImmediate);
  while (new Set(host.seen.map(query => query.toString('latin1', 2))).size < 3) await new Promise(setImmediate);
  host.answerAll(yes);
  while (replies.size < 201) await once(socket, 'message');
  for (let id = 0; id < 200; id += 1) t.deepEqual(replies.get(id), yes(question('db.example', 'A', id)));
  // On a busy machine a second passes without an answer, and the question is asked again.
  t.true(host.seen.length <= 9, `${host.seen.length} questions were asked`);
  t.is(server.counts.overloaded, 0);
});

test('a question that comes back waits for itself, and ends', async t => {
  const loop: { port?: number } = {};
  const relay = await client(t);
  const host = await upstream(t, query => {
    const again = Buffer.from(query);
    again.writeUInt16BE((query.readUInt16BE(0) + 1) % 0x1_00_00, 0);
    relay.send(again, loop.port!, '127.0.0.1');
    return undefined;
  });
  const server = await start(t, { upstreamPort: host.port });
  loop.port = server.port;
  t.is((await ask(t, server, 'loop.example', 'A')).rcode, 'SERVFAIL');
  t.true(host.seen.length <= 2, `${host.seen.length} questions were asked`);
});

test('one user cannot take the places of all: of questions for other servers so many are under way at a time', async t => {
  const silent = await upstream(t, () => undefined);
  const [greedy, other] = [await client(t), await client(t)];
  const users = new Map([
    [greedy.address().port, 2002],
    [other.address().port, 2001],
  ]);
  const owners = { now: async () => (asker: Asker) => users.get(asker.port) };
  const full = await start(t, { upstreamPort: silent.port, mostForwarded: 8, owners });
  const codes = new Map<number, number>();
  for (const socket of [greedy, other])
    socket.on('message', reply => codes.set(reply.readUInt16BE(0), reply[3]! & 0x0f));
  for (let id = 1; id <= 6; id += 1) greedy.send(question(`n${id}.example`, 'A', id), full.port, '127.0.0.1');
  while (codes.size < 2) await once(greedy, 'message');
  t.deepEqual(
    [...codes.keys()].sort((a, b) => a - b),
    [5, 6],
  );
  for (let id = 11; id <= 13; id += 1) other.send(question(`o${id}.example`, 'A', id), full.port, '127.0.0.1');
  while (codes.size < 3) await once(other, 'message');
  t.deepEqual(
    [...codes.keys()].sort((a, b) => a - b),
    [5, 6, 13],
    'two are let in, as more were free than they had',
  );
  t.is(full.counts.overloaded, 3);
  t.regex(full.answerer.overload.problems()[0]!.why, /3 so far, the last one of user 2001/);

  const quick = await upstream(t, yes);
  const narrow = await start(t, { upstreamPort: quick.port, mostForwarded: 1 });
  for (const name of ['a.example', 'b.example', 'c.example'])
    t.is((await ask(t, narrow, name, 'A')).rcode, 'NOERROR', name);
});

test('with too many connections, the one on which nothing was asked for the longest is closed, of who has most', async t => {
  const owners = { now: async () => (asker: Asker) => Number(asker.address.split('.')[3]) };
  const server = await start(t, { mostConnections: 10, owners });
  const open = async (uid: number): Promise<TcpSocket> => {
    const socket = connect({ host: '127.0.0.1', port: server.port, localAddress: `127.0.0.${uid}` });
    t.teardown(() => socket.destroy());
    socket.on('error', () => undefined).resume();
    await once(socket, 'connect');
    return socket;
  };
  const asked = async (socket: TcpSocket): Promise<void> => {
    socket.write(frame(question('reviews', 'A')));
    await once(socket, 'data');
  };
  const first = await open(1);
  await asked(first);
  const greedy: TcpSocket[] = [];
  for (let count = 0; count < 4; count += 1) {
    const socket = await open(2);
    await asked(socket);
    greedy.push(socket);
  }
  await asked(greedy[0]!);
  const closed = once(greedy[1]!, 'close');
  const last = await open(2);
  await closed;
  for (const socket of [first, greedy[0]!, greedy[2]!, greedy[3]!, last]) await asked(socket);
  t.is(server.counts.overloaded, 1);
});

test('nothing that can be sent brings it down', async t => {
  const host = await upstream(t, () => undefined);
  const server = await start(t, { upstreamPort: host.port });
  const socket = await client(t);
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const plain = question('reviews.default.mesh', 'A');
  for (let turn = 0; turn < 3000; turn += 1) {
    const message =
      turn % 3 === 0 ? Buffer.from(Array.from({ length: random(64) }, () => random(256))) : Buffer.from(plain);
    for (let harm = random(4); harm >= 0 && message.length > 0; harm -= 1)
      message[random(message.length)] = random(256);
    socket.send(message.subarray(0, random(message.length + 1)), server.port, '127.0.0.1');
    if (turn % 100 === 0) await delay(1);
  }
  const stream = connect(server.port, '127.0.0.1');
  stream.on('error', () => undefined);
  stream.end(Buffer.from(Array.from({ length: 4000 }, () => random(256))));
  // The flood may have filled the kernel's buffer: ask again, as resolvers do.
  const again = setInterval(() => socket.send(question('reviews', 'A', 31_000), server.port, '127.0.0.1'), 100);
  const reply = await new Promise<Buffer>(resolve => {
    socket.on('message', message => message.readUInt16BE(0) === 31_000 && resolve(message));
  });
  clearInterval(again);
  t.deepEqual(data(decode(reply)), ['240.240.0.1']);
});

for (const [protocol, flag] of [
  ['TCP', 't'],
  ['UDP', 'u'],
] as const)
  test(`a port that another program has in ${protocol} is told with how to find that program`, async t => {
    const { tcp, udp, port } = await pair(socket => socket.destroy());
    const [kept, free] = protocol === 'TCP' ? [tcp, udp] : [udp, tcp];
    const freed = once(free, 'close');
    free.close();
    await freed;
    t.teardown(() => void kept.close());
    const { message } = (await t.throwsAsync(start(t, { port })))!;
    t.true(message.startsWith(`cannot answer DNS at 127.0.0.1:${port} (${protocol}): another program has`), message);
    t.true(message.includes(`(ss -lp${flag}n 'sport = :${port}')`), message);
  });
