import { isIPv6 } from 'node:net';
import dnsPacket from 'dns-packet';
import type { ServiceName } from '../../manager/model/host-view.ts';
import { MESH_DOMAIN } from '../../manager/model/service.ts';
import type { Meaning } from './names.ts';
import { type Question, readQuestion, TYPE } from './question.ts';

/** Virtual IPs never change, so an answer may be kept for a while, seconds; */
const TTL = 30;
/** but a service that is not there may come any moment. */
const NEGATIVE_TTL = 5;
/** Largest answer that we announce to take, bytes: fits any path (DNS flag day 2020). */
const OUR_UDP_SIZE = 1232;

/** Response codes (RFC 1035, 4.1.1). */
const CODE = { ok: 0, serverFailure: 2, noSuchName: 3 } as const;
/** "Bad version" of EDNS is 16: its upper bits are in the OPT record (RFC 6891, 6.1.3). */
const BAD_VERSION_UPPER = 1;

const SOA: dnsPacket.SoaAnswer = {
  type: 'SOA',
  name: MESH_DOMAIN,
  ttl: NEGATIVE_TTL,
  data: {
    mname: `dns.isthmus.${MESH_DOMAIN}`,
    rname: `isthmus.${MESH_DOMAIN}`,
    serial: 1,
    refresh: 60,
    retry: 60,
    expire: 60,
    minimum: NEGATIVE_TTL,
  },
};

/**
 * The answer to a question about a name of ours.
 * @param query the message that asked.
 * @param ipv6 whether virtual IPs of IPv6 are captured on this host; else they are not given out.
 */
export function answer(
  query: Buffer,
  question: Question,
  meaning: Exclude<Meaning, { kind: 'foreign' }>,
  ipv6: boolean,
): Buffer {
  const answers: dnsPacket.Answer[] = [];
  const additionals: dnsPacket.Answer[] = [];
  if (meaning.kind === 'service') answers.push(...addresses(meaning.service, question.written, question.type, ipv6));
  if (meaning.kind === 'ports' && (question.type === TYPE.SRV || question.type === TYPE.ANY)) {
    const { service, ports } = meaning;
    for (const { number: port } of ports)
      answers.push({
        type: 'SRV',
        name: question.written,
        ttl: TTL,
        data: { port, target: service.hostname, priority: 0, weight: 0 },
      });
    additionals.push(...addresses(service, service.hostname, TYPE.ANY, ipv6));
  }
  if (meaning.kind === 'address' && (question.type === TYPE.PTR || question.type === TYPE.ANY))
    answers.push({ type: 'PTR', name: question.written, ttl: TTL, data: meaning.service.hostname });
  const code = meaning.kind === 'missing' ? CODE.noSuchName : CODE.ok;
  const authorities = answers.length > 0 ? [] : [{ ...SOA, name: zoneOf(question) }];
  return build(query, question, code, { answers, additionals, authorities });
}

/** Says that the asker's EDNS is of a version that is not known. */
export function badVersion(query: Buffer, question: Question): Buffer {
  return build(query, question, CODE.ok, { answers: [], additionals: [], authorities: [] }, BAD_VERSION_UPPER);
}

/** The zone that has no such record: of a name in the reverse tree the one above it, as who asks keeps only what is said of its own tree. */
function zoneOf({ name }: Question): string {
  return name.endsWith('.arpa') ? name.slice(name.indexOf('.') + 1) : MESH_DOMAIN;
}

/** Says that there is no answer now. The asker may try another server, or again. */
export function failure(query: Buffer): Buffer {
  // Header and question as they came, so that the asker knows it for its own whatever the question was.
  const reply = Buffer.from(query.subarray(0, Math.min(query.length, endOfQuestions(query))));
  if (reply.length === 12) reply.writeUInt16BE(0, 4);
  reply[2] = (reply[2]! | 0x80) & ~0x06;
  reply[3] = 0x80 | CODE.serverFailure;
  reply.fill(0, 6, 12);
  return reply;
}

function addresses(service: ServiceName, name: string, type: number, ipv6: boolean): dnsPacket.Answer[] {
  return service.virtualIps.flatMap((data): dnsPacket.Answer[] => {
    if (isIPv6(data)) {
      const wanted = ipv6 && (type === TYPE.AAAA || type === TYPE.ANY);
      return wanted ? [{ type: 'AAAA', name, ttl: TTL, data }] : [];
    }
    return type === TYPE.A || type === TYPE.ANY ? [{ type: 'A', name, ttl: TTL, data }] : [];
  });
}

interface Sections {
  readonly answers: dnsPacket.Answer[];
  readonly additionals: dnsPacket.Answer[];
  readonly authorities: dnsPacket.Answer[];
}

function build(query: Buffer, question: Question, code: number, sections: Sections, upper = 0): Buffer {
  const { AUTHORITATIVE_ANSWER, RECURSION_AVAILABLE, RECURSION_DESIRED } = dnsPacket;
  const recursion = question.recursion ? RECURSION_DESIRED : 0;
  const opt: dnsPacket.OptAnswer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: OUR_UDP_SIZE,
    extendedRcode: upper,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const { answers, authorities, additionals } = sections;
  const reply = dnsPacket.encode({
    type: 'response',
    id: query.readUInt16BE(0),
    flags: AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | recursion | code,
    questions: [],
    answers,
    authorities,
    additionals: question.edns ? [...additionals, opt] : additionals,
  });
  // The question goes in as it came: byte for byte, types and classes that the encoder does not know included.
  const asked = query.subarray(12, endOfQuestions(query));
  reply.writeUInt16BE(1, 4);
  return Buffer.concat([reply.subarray(0, 12), asked, reply.subarray(12)]);
}

/** An answer as it goes over UDP: cut where the asker takes no more. */
export function forUdp(reply: Buffer, query: Buffer): Buffer {
  return truncate(reply, readQuestion(query)?.udpSize ?? reply.length);
}

/** Cuts an answer that is too long for UDP down to its question, and says so: the asker comes back over TCP. */
export function truncate(reply: Buffer, size: number): Buffer {
  if (reply.length <= size) return reply;
  const cut = Buffer.from(reply.subarray(0, endOfQuestions(reply)));
  cut[2] = cut[2]! | 0x02;
  cut.fill(0, 6, 12);
  return cut;
}

/** Where the questions of a message end; 12, the end of the header, when they are malformed. */
function endOfQuestions(message: Buffer): number {
  if (message.readUInt16BE(4) !== 1) return 12;
  let at = 12;
  while (at < message.length && message[at]! !== 0) at += 1 + message[at]!;
  return at + 5 <= message.length ? at + 5 : 12;
}
