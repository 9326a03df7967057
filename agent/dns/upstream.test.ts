import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'ava';
import dnsPacket from 'dns-packet';
import { Upstream } from './upstream.ts';

function question(name: string, id = 4711): Buffer {
  return dnsPacket.encode({ type: 'query', id, questions: [{ type: 'A', name }] });
}

function answerTo(query: Buffer): Buffer {
  const reply = Buffer.from(query);
  reply[2] = 0x81;
  return reply;
}

const QUERY = question('example.org');
const RIGHT = answerTo(QUERY);

const ANSWERS: readonly [what: string, reply: Buffer, isTaken: boolean][] = [
  ['to another id', answerTo(question('example.org', 4712)), false],
  ['to another question', answerTo(question('example.net')), false],
  ['to a longer question', answerTo(question('example.org.evil')), false],
  ['that is a question', QUERY, false],
  ['without a whole header', RIGHT.subarray(0, 11), false],
  ['with the name in another case', answerTo(question('eXample.ORG')), true],
  ['that repeats no question', Buffer.concat([RIGHT.subarray(0, 4), Buffer.alloc(8)]), true],
];

for (const [what, reply, isTaken] of ANSWERS)
  test(`an answer ${what} is ${isTaken ? 'taken' : 'passed over, and the right one after it taken'}`, async t => {
    const server = createSocket('udp4').bind(0, '127.0.0.1');
    t.teardown(() => server.close());
    await once(server, 'listening');
    server.on('message', (_, { port }) => {
      for (const each of [reply, RIGHT]) server.send(each, port, '127.0.0.1');
    });
    const upstream = new Upstream({ servers: ['127.0.0.1'], rotate: false }, server.address().port);
    t.deepEqual(await upstream.ask(QUERY, AbortSignal.timeout(20_000)), isTaken ? reply : RIGHT);
  });
