/** A name server for tests: `name-server.ts <address> [<port> [<answer>]]` answers `outside.example` with 192.0.2.7 or what is given, and any other name with "no such name". */
import { createSocket } from 'node:dgram';
import dnsPacket from 'dns-packet';

const [address, on = '53', outside = '192.0.2.7'] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.on('message', (message, { address: from, port }) => {
  const { id, questions = [] } = dnsPacket.decode(message);
  const [question] = questions;
  const known = question?.name === 'outside.example';
  const answers =
    known && question.type === 'A' ? [{ type: 'A' as const, name: question.name, ttl: 1, data: outside }] : [];
  const flags = dnsPacket.RECURSION_AVAILABLE | (known ? 0 : 3);
  socket.send(dnsPacket.encode({ type: 'response', id: id ?? 0, flags, questions, answers }), port, from);
});
socket.bind(Number(on), address, () => console.log('answering'));
