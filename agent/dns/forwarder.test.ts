import { once } from 'node:events';
import { connect, type Socket as TcpSocket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import dnsPacket from 'dns-packet';
import type { Asker } from './asker.ts';
import { ask, askRaw, client, decode, question, start, upstream, yes } from './fixtures.ts';
import { Framing, frame } from './framing.ts';

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
