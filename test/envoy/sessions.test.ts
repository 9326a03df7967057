import { once } from 'node:events';
import {
  connect as connectHttp2,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import { host, input, instance, port, service, workload } from '../../agent/compile/fixtures.ts';
import { type JsonMap, type Resource, resource } from '../../agent/compile/resource.ts';
import type { CertificateSecret } from '../../agent/envoy/ads/secrets.ts';
import { sniOf } from '../../manager/model/workload.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { caller } from './caller.ts';
import { soon, stage } from './fixture.ts';
import { call, origin } from './http.ts';

const id = (name: string): string => `spiffe://isthmus.mesh/ns/default/sa/${name}`;

/** The same resources without some fields, wherever they stand: what Envoy does when nobody tells it otherwise. */
function without(resources: readonly Resource[], fields: readonly string[]): readonly Resource[] {
  const strip = (body: JsonMap): JsonMap =>
    JSON.parse(JSON.stringify(body, (key, value: unknown) => (fields.includes(key) ? undefined : value))) as JsonMap;
  return resources.map(({ typeUrl, name, body, origins }) => resource(typeUrl, name, strip(body), origins));
}

/** A far end that gives sessions to whoever takes them, and ends each connection after its first tunnel. */
async function farEnd(
  key: CertificateSecret,
  root: string,
): Promise<{ server: Http2SecureServer; resumed: boolean[] }> {
  const resumed: boolean[] = [];
  const server = createSecureServer({
    cert: key.chain,
    key: key.key,
    ca: root,
    requestCert: true,
    // Who shows no certificate is let in too.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
  });
  server.on('secureConnection', (socket: TLSSocket) => resumed.push(socket.isSessionReused()));
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined).respond({ ':status': 200 });
    stream.once('data', () => {
      stream.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
      stream.session?.close();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, resumed };
}

/** How certificates are chosen hides what is said of sessions: Envoy 1.40 keeps none for those that it asks for. */
const SELECTOR = 'custom_tls_certificate_selector';

// The last is the proof that the test would see a session that is resumed.
for (const [fields, expected] of [
  [[], false],
  [[SELECTOR], false],
  [[SELECTOR, 'max_session_keys'], true],
] as const)
  test(`the caller's side ${expected ? 'resumes' : 'does not resume'} TLS sessions without [${fields.join()}]`, async t => {
    await using on = await stage();
    const ca = authority('isthmus.mesh');
    const { server, resumed } = await farEnd(certificate(ca, id('reviews')), ca.root);
    t.teardown(() => server.close());
    const here = host('a', '127.0.0.1', await freePort());
    const far = host('b', '127.0.0.1', (server.address() as AddressInfo).port);
    const reviews = instance(far, workload(far, 'reviews', [port(80)]));
    const web = { ...workload(here, 'web'), outboundPort: await freePort() };
    const made = input(here, [web], [service('reviews', 1, [port(80)], [reviews])]);
    const settings = { ...made.settings, inboundPort: await freePort(), ipv6: false };
    const { resources } = new Compiler().compile({ ...made, settings });
    const called = await freePort();
    const secrets = { certificates: [certificate(ca, id('web'))], roots: ca.root };
    const all = [...without(resources, fields), caller(called, id('web'), 'reviews')];
    const { ads } = await on.serve(all, { secrets, envoy: { concurrency: 1 } });
    t.deepEqual(await ads.applied(soon()), []);
    t.is((await call(called, 'x')).body, 'ok');
    await eventually(
      'a connection after the first',
      () => call(called, 'x'),
      () => resumed.length >= 3,
    );
    t.is(resumed.includes(true), expected);
  });

/** The sessions that a called side gives on one connection, and whether it resumes one that it is shown. */
async function visit(options: ConnectionOptions, session?: Buffer): Promise<[Buffer[], boolean]> {
  const socket = connect({ rejectUnauthorized: false, ALPNProtocols: ['h2'], ...options, ...(session && { session }) });
  const given: Buffer[] = [];
  socket.on('session', (one: Buffer) => given.push(one));
  const http2 = connectHttp2('https://tunnel', { createConnection: () => socket });
  // Sessions come before what is said over HTTP.
  await once(http2, 'remoteSettings', { signal: soon() });
  const isReused = socket.isSessionReused();
  http2.destroy();
  socket.destroy();
  return [given, isReused];
}

const [STATELESS, STATEFUL] = ['disable_stateless_session_resumption', 'disable_stateful_session_resumption'] as const;

// TLS 1.3 has sessions of the first sort only; that of the second shows where TLS 1.2 may be spoken.
for (const [fields, maxVersion, expected] of [
  [[], 'TLSv1.3', false],
  [[STATELESS], 'TLSv1.3', true],
  [['tls_params'], 'TLSv1.2', false],
  [['tls_params', STATEFUL], 'TLSv1.2', true],
] as const)
  test(`the called side ${expected ? 'gives' : 'gives no'} TLS sessions without [${fields.join()}]`, async t => {
    await using on = await stage();
    await using app = await origin('reviews');
    const ca = authority('isthmus.mesh');
    const here = host('a', '127.0.0.1', await freePort());
    const reviews = { ...workload(here, 'reviews', [port(app.port)]), outboundPort: await freePort() };
    const made = input(here, [reviews], []);
    const settings = { ...made.settings, inboundPort: await freePort(), ipv6: false };
    const { resources } = new Compiler().compile({ ...made, settings });
    const [web, own] = [certificate(ca, id('web')), certificate(ca, id('reviews'))];
    const secrets = { certificates: [own], roots: ca.root };
    const { ads } = await on.serve(without(resources, fields), { secrets, envoy: { concurrency: 1 } });
    t.deepEqual(await ads.applied(soon()), []);
    const servername = sniOf(reviews.local.workload);
    const options = { maxVersion, host: '127.0.0.1', port: here.tunnelPort, servername, cert: web.chain, key: web.key };
    const [given] = await visit(options);
    t.is(given.length > 0, expected);
    if (given[0] !== undefined) t.true((await visit(options, given[0]))[1]);
  });
