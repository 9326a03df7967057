/** The one question of a DNS query. */
export interface Question {
  /** Lower case, without the dot at the end. */
  readonly name: string;
  /** As it was written: answers repeat it. */
  readonly written: string;
  readonly type: number;
  readonly class: number;
  /** Whether the asker wants recursion. */
  readonly recursion: boolean;
  /** Largest answer over UDP, bytes: 512 unless an OPT record says more (RFC 6891). */
  readonly udpSize: number;
  /** Whether there was an OPT record: then the answer must have one. */
  readonly edns: boolean;
  /** Of EDNS, as the asker has it; only 0 is known. */
  readonly ednsVersion: number;
}

/** Numbers of record types (IANA). */
export const TYPE = { A: 1, SOA: 6, PTR: 12, AAAA: 28, SRV: 33, OPT: 41, ANY: 255 } as const;
export const CLASS_IN = 1;

const HEADER = 12;
const LONGEST_NAME = 255;
const SMALLEST_UDP = 512;

/** Whether a message is a query at all: long enough for a header, and no response. */
function isQuery(message: Buffer): boolean {
  return message.length >= HEADER && (message[2]! & 0x80) === 0;
}

/** Whether a datagram is a query that can be answered: one that comes from port 0 cannot, and Node throws when asked to send there. */
export function isAnswerable(message: Buffer, fromPort: number): boolean {
  return fromPort !== 0 && isQuery(message);
}

/**
 * Reads a plain question (opcode 0, one question, names of ASCII without dots in labels). Undefined for anything else, also for
 * what is malformed: it is for another server to answer.
 */
export function readQuestion(message: Buffer): Question | undefined {
  if (!isQuery(message) || (message[2]! & 0x78) !== 0 || message.readUInt16BE(4) !== 1) return undefined;
  if (message.readUInt16BE(6) !== 0 || message.readUInt16BE(8) !== 0) return undefined;
  const name = readName(message, HEADER);
  if (!name || name.end + 4 > message.length) return undefined;
  const edns = readOpt(message, name.end + 4);
  if (!edns) return undefined;
  return {
    name: name.text.toLowerCase(),
    written: name.text,
    type: message.readUInt16BE(name.end),
    class: message.readUInt16BE(name.end + 2),
    recursion: (message[2]! & 1) === 1,
    ...edns,
  };
}

/** Names of a question are never compressed (RFC 1035, 4.1.4: there is nothing before them to point at). */
function readName(message: Buffer, start: number): { readonly text: string; readonly end: number } | undefined {
  const labels: string[] = [];
  for (let at = start; at < message.length && at - start < LONGEST_NAME; ) {
    const length = message[at]!;
    if (length === 0) return { text: labels.join('.'), end: at + 1 };
    if (length > 63 || at + 1 + length > message.length) return undefined;
    const label = message.toString('latin1', at + 1, at + 1 + length);
    if (!/^[\x21-\x2d\x2f-\x7e]+$/.test(label)) return undefined;
    labels.push(label);
    at += 1 + length;
  }
  return undefined;
}

/** The one additional record may be OPT; signed queries (TSIG, SIG(0)) are for the server that knows the key. */
function readOpt(message: Buffer, at: number): Pick<Question, 'udpSize' | 'edns' | 'ednsVersion'> | undefined {
  const additional = message.readUInt16BE(10);
  if (additional === 0) return { udpSize: SMALLEST_UDP, edns: false, ednsVersion: 0 };
  if (additional > 1 || at + 11 > message.length || message[at] !== 0) return undefined;
  if (message.readUInt16BE(at + 1) !== TYPE.OPT) return undefined;
  const udpSize = Math.max(SMALLEST_UDP, message.readUInt16BE(at + 3));
  return { udpSize, edns: true, ednsVersion: message[at + 6]! };
}
