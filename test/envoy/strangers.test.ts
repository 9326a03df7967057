import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import { host, input, instance, service, workload } from '../../agent/compile/fixtures.ts';
import { bootstrap } from '../../agent/envoy/bootstrap.ts';
import { sniOf } from '../../manager/model/workload.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { soon, stage } from './fixture.ts';
import { echo, Line, tcpCaller } from './line.ts';

const DOMAIN = 'isthmus.mesh';
const CALLED = [{ number: 80, name: 'tcp-80', protocol: 'tcp' as const }];

/** The first that a client of TLS says; a stranger says no more. */
async function clientHello(servername: string): Promise<Buffer> {
  const said = Promise.withResolvers<Buffer>();
  const line = new Duplex({ read() {}, write: (bytes: Buffer) => said.resolve(bytes) });
  const client = connectTls({ socket: line, servername, ALPNProtocols: ['h2'], rejectUnauthorized: false });
  client.on('error', () => undefined);
  const bytes = await said.promise;
  client.destroy();
  return bytes;
}

async function stranger(port: number, hello: Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.resume().write(hello);
  return socket;
}

test('strangers who begin tunnels and go no further take no connections from workloads, and keep none', async t => {
  t.timeout(60_000);
  await using on = await stage();
  await using app = await echo();
  const here = host('a', '127.0.0.1', await freePort());
  const reviews = {
    ...workload(here, 'reviews', [{ ...CALLED[0]!, number: app.port }]),
    outboundPort: await freePort(),
  };
  const [port, inboundPort] = [await freePort(), await freePort()];
  const made = input(here, [reviews], [service('reviews', 1, CALLED, [instance(here, reviews)])]);
  const settings = { ...made.settings, inboundPort, admittedLog: on.paths.admitted };
  const id = (name: string): string => `spiffe://${DOMAIN}/ns/default/sa/${name}`;
  const resources = [
    ...new Compiler().compile({ ...made, settings }).resources,
    tcpCaller(port, id('web'), '240.240.0.1'),
  ];
  const ca = authority(DOMAIN);
  const secrets = { certificates: [certificate(ca, id('reviews'))], roots: ca.root };
  const few = { bootstrap: bootstrap({ host: 'a', paths: on.paths, maxConnections: 20 }) };
  const { ads } = await on.serve(resources, { secrets, envoy: few });
  t.deepEqual(await ads.applied(soon()), []);
  const hello = await clientHello(sniOf(reviews.local.workload));
  const strangers = await Promise.all(Array.from({ length: 30 }, () => stranger(here.tunnelPort, hello)));
  const closed = (): number => strangers.filter(each => each.closed).length;
  await eventually('half of what Envoy takes is theirs', closed, count => count >= 20);
  t.is(closed(), 20);
  const line = new Line('web', port);
  t.true(await line.talks('a workload calls'));
  await eventually('none is kept', closed, count => count === 30);
  await line.end();
});
