import test from 'ava';
import dnsPacket from 'dns-packet';
import { failure, truncate } from './answer.ts';
import { Framing, frame } from './framing.ts';
import { readQuestion } from './question.ts';

const query = (packet: Partial<dnsPacket.Packet>): Buffer =>
  dnsPacket.encode({ type: 'query', id: 7, flags: dnsPacket.RECURSION_DESIRED, ...packet });
const reviews = { type: 'A', name: 'Reviews.Default.mesh' } as const;
const opt = (udpPayloadSize: number): dnsPacket.Answer =>
  ({ type: 'OPT', name: '.', udpPayloadSize, flags: 0, options: [] }) as unknown as dnsPacket.Answer;

test('a plain question is read', t => {
  t.deepEqual(readQuestion(query({ questions: [reviews] })), {
    name: 'reviews.default.mesh',
    written: 'Reviews.Default.mesh',
    type: 1,
    class: 1,
    recursion: true,
    udpSize: 512,
    edns: false,
    ednsVersion: 0,
  });
  t.like(readQuestion(query({ questions: [reviews], additionals: [opt(1400)] })), { udpSize: 1400, edns: true });
  t.like(readQuestion(query({ questions: [reviews], additionals: [opt(100)] })), { udpSize: 512 });
  t.like(readQuestion(query({ questions: [{ type: 'NS', name: '.' }] })), { name: '' });
});

test('anything else is for others', t => {
  const plain = query({ questions: [reviews] });
  const changed = (at: number, byte: number): Buffer => {
    const copy = Buffer.from(plain);
    copy[at] = byte;
    return copy;
  };
  const cases: readonly [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['a header too short', plain.subarray(0, 11)],
    ['a header alone', plain.subarray(0, 12)],
    ['a response', changed(2, 0x81)],
    ['an update', changed(2, 0x28)],
    ['two questions', query({ questions: [reviews, reviews] })],
    ['a pointer in the name', changed(12, 0xc0)],
    ['a label beyond the end', changed(12, 63)],
    ['a dot inside a label', changed(14, 0x2e)],
    ['a byte that is no ASCII', changed(14, 0xe9)],
    ['no type', plain.subarray(0, plain.length - 4)],
    ['a signature', query({ questions: [reviews], additionals: [{ type: 'A', name: 'x', data: '1.1.1.1' }] })],
  ];
  for (const [what, message] of cases) t.is(readQuestion(message), undefined, what);
});

test('a failure carries the id and the question it fails', t => {
  const message = dnsPacket.decode(failure(query({ questions: [reviews], additionals: [opt(1400)] })));
  t.like(message, {
    id: 7,
    type: 'response',
    rcode: 'SERVFAIL',
    questions: [{ ...reviews, class: 'IN' }],
    additionals: [],
  });
  t.is(failure(Buffer.alloc(12, 0xff)).length, 12);
});

test('what does not fit is cut to its question, with the mark for it', t => {
  const long = dnsPacket.encode({
    type: 'response',
    id: 7,
    questions: [reviews],
    answers: [{ type: 'A', name: reviews.name, data: '240.240.0.1' }],
  });
  t.is(truncate(long, long.length), long);
  const message = dnsPacket.decode(truncate(long, long.length - 1));
  t.like(message, { id: 7, flag_tc: true, answers: [], questions: [{ ...reviews, class: 'IN' }] });
});

test('a stream is cut into messages wherever its pieces end', t => {
  const messages = [Buffer.from('a'), Buffer.alloc(0), Buffer.from('bcd')];
  const stream = Buffer.concat(messages.map(frame));
  for (let size = 1; size <= stream.length; size += 1) {
    const framing = new Framing();
    const seen: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) seen.push(...framing.push(stream.subarray(at, at + size)));
    t.deepEqual(seen, messages);
  }
});
