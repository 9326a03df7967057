/** A name server as a host's own: `resolver.ts <IPv4 address>`. Every name has this address; `missing.*` there is none. Prints what it is asked. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import dnsPacket from 'dns-packet';
import { Framing, frame } from '../../agent/dns/framing.ts';

const [data = '192.0.2.1'] = process.argv.slice(2);

function reply(query: Buffer, transport: string): Buffer {
  const { id, questions = [] } = dnsPacket.decode(query);
  const { name = '', type } = questions[0] ?? {};
  console.log(`${transport} ${type} ${name}`);
  const missing = name.startsWith('missing.');
  const answers: dnsPacket.Answer[] = type === 'A' && !missing ? [{ type: 'A', name, ttl: 1, data }] : [];
  const flags = dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | (missing ? 3 : 0);
  return dnsPacket.encode({ type: 'response', flags, questions, answers, ...(id === undefined ? {} : { id }) });
}

const udp = createSocket('udp6').on('message', (query, { address, port }) =>
  udp.send(reply(query, 'udp'), port, address),
);
const tcp = createServer(socket => {
  const framing = new Framing();
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    for (const query of framing.push(bytes)) socket.write(frame(reply(query, 'tcp')));
  });
});
udp.bind(53, '::', () => tcp.listen(53, '::', () => console.log('listening')));
