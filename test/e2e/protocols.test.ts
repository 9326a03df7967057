import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { startEcho, startProtocols } from '../hosts/apps.ts';
import { UID } from './cast.ts';
import { Mesh, type MeshHost, type WorkloadFile } from './mesh.ts';

interface Context {
  readonly mesh: Mesh;
  readonly alpha: MeshHost;
}

const test = anyTest as TestFn<Context>;

const PORTS = { http: 8080, http2: 8081, plain2: 8082, grpc: 8083 } as const;
const PLACES = ['near', 'far'] as const;
const LARGE = 32 * 1024 * 1024;

/** HTTP/2 is spoken on `http2`, which says so, and on `plain2`, which says no more than `http`. */
function server(name: string): WorkloadFile {
  const protocols = { http: 'http', http2: 'http2', plain2: 'http', grpc: 'grpc' } as const;
  const ports = Object.entries(PORTS).map(([port, number]) => ({
    name: port,
    port: number,
    protocol: protocols[port as keyof typeof PORTS],
  }));
  return { name, selector: { user: UID.first }, services: [name], ports };
}

test.before(async t => {
  t.timeout(240_000);
  const mesh = await Mesh.create('protocols');
  t.context = { mesh } as Context;
  await listOutside(mesh);
  const place = await mesh.network.host('alpha');
  await place.setResolvers([mesh.control.address]);
  const alpha = await mesh.joinHost(place, [{ name: 'web', selector: { user: UID.web } }, server('near')]);
  const beta = await mesh.host('beta', [server('far')]);
  await startProtocols(alpha.host, 'near', Object.values(PORTS), { uid: UID.first });
  await startProtocols(beta.host, 'far', Object.values(PORTS), { uid: UID.first });
  t.context = { mesh, alpha };
  for (const place of PLACES)
    await eventually(
      `${place} answers through the mesh`,
      () => curl(alpha, '-f', `http://${place}:${PORTS.http}/`),
      out => out.includes(place),
    );
});
test.after.always(async t => {
  await t.context.mesh?.[Symbol.asyncDispose]();
});

/** Lists a service outside the mesh by a host name that the name server of alpha knows, and starts the Manager. */
async function listOutside(mesh: Mesh): Promise<void> {
  const { control } = mesh;
  const file = new URL('name-server.ts', import.meta.url).pathname;
  await control.spawn([process.execPath, file, control.address, '53', control.address]).line(/answering/);
  await startEcho(control, 'outside', [8090]);
  const folder = join(control.configDir, 'services.d');
  await mkdir(folder);
  const instance = { id: 'one', address: 'outside.example', port: 8090 };
  const service = { name: 'outside', ports: [{ name: 'http', number: 80, protocol: 'http' }], instances: [instance] };
  await writeFile(join(folder, 'outside.yaml'), stringify({ services: [service] }));
  await mesh.startManager({ registries: [{ kind: 'file', path: folder }] });
}

const web = { uid: UID.web };

async function curl({ host }: MeshHost, ...words: string[]): Promise<string> {
  return host.run(['curl', '-sS', '--max-time', '20', ...words], web);
}

/** What `protocols-call.ts` says of a call by web. */
async function call({ host }: MeshHost, kind: string, target: string, argument = ''): Promise<unknown> {
  const program = new URL('../hosts/apps/protocols-call.ts', import.meta.url).pathname;
  return JSON.parse(await host.run([process.execPath, program, kind, target, argument], { ...web, readAll: true }));
}

for (const place of PLACES) {
  const url = (port: keyof typeof PORTS, path = '/'): string => `http://${place}:${PORTS[port]}${path}`;

  for (const port of ['http2', 'plain2'] as const)
    test.serial(`${place}: HTTP/2 with prior knowledge on a port named ${port}, with trailers`, async t => {
      t.deepEqual(await call(t.context.alpha, 'http2', url(port)), {
        status: 200,
        end: 'whole',
        body: { instance: place, version: '2', path: '/two' },
      });
    });

  test.serial(`${place}: HTTP/1 to an HTTP/2 server that says so`, async t => {
    t.like(JSON.parse(await curl(t.context.alpha, url('http2'))), { instance: place, version: '2' });
  });

  test.serial(`${place}: gRPC, one answer, with status and trailers`, async t => {
    const target = `${place}:${PORTS.grpc}`;
    const said = await call(t.context.alpha, 'grpc-say', target, 'hello');
    t.deepEqual(said, { answer: `${place}: hello`, code: 0, details: 'OK', end: 'whole' });
    const missing = await call(t.context.alpha, 'grpc-say', target, 'missing');
    t.deepEqual(missing, { answer: '', code: 5, details: `${place} has no such thing`, end: 'whole' });
  });

  test.serial(`${place}: gRPC, a stream of answers`, async t => {
    const counted = await call(t.context.alpha, 'grpc-count', `${place}:${PORTS.grpc}`, '1000');
    t.deepEqual(counted, { messages: 1000, last: '1000', code: 0, details: 'OK', end: place });
  });

  test.serial(`${place}: WebSocket`, async t => {
    const talked = await call(t.context.alpha, 'websocket', `ws://${place}:${PORTS.http}/`);
    t.deepEqual(talked, {
      messages: ['one', 'two', 'three'].map(word => `${place}: ${word}`),
      clean: true,
      code: 1000,
    });
  });

  test.serial(`${place}: a large body arrives whole`, async t => {
    const posted = (await call(t.context.alpha, 'post', url('http'), String(LARGE))) as { readonly sha256: string };
    t.deepEqual(posted, {
      sha256: posted.sha256,
      body: { instance: place, version: '1.1', bytes: LARGE, sha256: posted.sha256 },
    } as object);
  });

  test.serial(`${place}: trailers of HTTP/1, of the request and of the answer`, async t => {
    t.deepEqual(await call(t.context.alpha, 'trailers', url('http', '/trailers')), {
      status: 200,
      end: 'whole',
      body: { instance: place, end: 'sent' },
    });
  });

  test.serial(`${place}: a caller that asks before it sends is told to go on, or not`, async t => {
    t.like(await call(t.context.alpha, 'expect', url('http')), { continued: true, status: 200 });
    t.like(await call(t.context.alpha, 'expect', url('http', '/no')), { continued: false, status: 417 });
  });

  test.serial(`${place}: HTTP/1.0, also where the answer has no length`, async t => {
    t.like(JSON.parse(await curl(t.context.alpha, '-0', url('http'))), { instance: place });
    const answer = await curl(t.context.alpha, '-0', '-i', url('http', '/chunked'));
    t.regex(answer, /^HTTP\/1\.[01] 200/);
    t.notRegex(answer, /transfer-encoding/i);
    t.true(answer.endsWith('one two three'));
    // Before HTTP/1.1 no request needed a Host.
    const bare = await curl(t.context.alpha, '-0', '-H', 'Host:', url('http'));
    t.like(JSON.parse(bare), { instance: place });
  });
}

test.serial(
  'an instance outside the mesh that is listed by its host name is called from the first call on',
  async t => {
    const answer = JSON.parse(await curl(t.context.alpha, '-f', 'http://outside/')) as { readonly instance: string };
    t.is(answer.instance, 'outside');
  },
);
