/**
 * A name server as a host's own: `resolver.ts <IPv4 address> [<own address>…]`. Every name has this address; `missing.*` there is none.
 * Prints what it is asked.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6 } from 'node:net';
import dnsPacket from 'dns-packet';
import { Framing, frame } from '../../agent/dns/framing.ts';

const [data = '192.0.2.1', ...own] = process.argv.slice(2);

function reply(query: Buffer, transport: string): Buffer {
  const { id, questions = [] } = dnsPacket.decode(query);
  const { name = '', type } = questions[0] ?? {};
  console.log(`${transport} ${type} ${name}`);
  const missing = name.startsWith('missing.');
  const answers: dnsPacket.Answer[] = type === 'A' && !missing ? [{ type: 'A', name, ttl: 1, data }] : [];
  const flags = dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | (missing ? 3 : 0);
  return dnsPacket.encode({ type: 'response', flags, questions, answers, ...(id === undefined ? {} : { id }) });
}

for (const address of own.length > 0 ? own : ['::']) {
  const udp = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  udp.on('message', (query, { address: from, port }) => udp.send(reply(query, 'udp'), port, from));
  udp.bind(53, address);
  await once(udp, 'listening');
  const tcp = createServer(socket => {
    const framing = new Framing();
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      for (const query of framing.push(bytes)) socket.write(frame(reply(query, 'tcp')));
    });
  });
  tcp.listen(53, address);
  await once(tcp, 'listening');
}
console.log('listening');
