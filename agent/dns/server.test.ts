import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import dnsPacket from 'dns-packet';
import { silentLogger } from '../../manager/model/util/log.ts';
import {
  ask,
  askRaw,
  client,
  data,
  decode,
  pair,
  question,
  REVIEWS,
  start,
  startUntold,
  upstream,
  yes,
} from './fixtures.ts';

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
  const fresh = await startUntold(t);
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
