import test from 'ava';
import { connectManager } from '../cli/client.ts';
import { inspectOf, startApi } from './fixture.ts';
import type { ServiceReport } from './inspect.ts';
import type { MeshStatus } from './mesh-status.ts';

const KEY = 'config/networking.istio.io/virtualservices/default/x';

for (const [what, text] of [
  ['is no JSON', '{"spec":'],
  ['is null', 'null'],
  ['is a text', '"x"'],
  ['has no metadata', '{"kind":"VirtualService"}'],
] as const)
  test(`a stored object that ${what} is told of, does not hinder others, and can be deleted`, async t => {
    const api = await startApi(t);
    await api.store.put(KEY, new TextEncoder().encode(text));
    const client = connectManager({ runDir: api.directory });
    const ask = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) =>
      client.request({ method, path, ...(body === undefined ? {} : { body }) }, AbortSignal.timeout(20_000));
    const told = async (): Promise<MeshStatus['config']> => {
      const { status, body } = await ask('GET', '/isthmus/v1/status');
      t.is(status, 200);
      return (body as MeshStatus).config;
    };
    const { objects, warnings } = await told();
    t.is(objects, 1);
    t.like(warnings, [{ kind: 'virtualservices', namespace: 'default', name: 'x' }]);
    t.regex(warnings[0]!.message, /^cannot be read: ./);
    const path = '/apis/networking.istio.io/v1/namespaces/default';
    const rule = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'a' },
      spec: { host: 'a' },
    };
    t.is((await ask('POST', `${path}/destinationrules`, rule)).status, 201);
    t.is((await ask('DELETE', `${path}/virtualservices/x`)).status, 200);
    t.is((await told()).objects, 1);
  });

test('a write asks for the services that the object names, and makes no list of all there are', async t => {
  const reviews: ServiceReport = {
    namespace: 'default',
    name: 'reviews',
    hostname: 'reviews.default.mesh',
    aliases: ['reviews.service.consul'],
    ports: [{ number: 9080, name: 'http', protocol: 'http' }],
    virtualIps: [],
    labels: {},
    sources: [],
    instances: [],
    unheard: [],
    withheld: [],
  };
  let lists = 0;
  const known = inspectOf({ services: () => [reviews] });
  const services = (): ServiceReport[] => {
    lists += 1;
    return [reviews];
  };
  const reported = (): [] => {
    lists += 1;
    return [];
  };
  const api = await startApi(t, { inspect: { service: name => known.service(name), services, reported } });
  const client = connectManager({ runDir: api.directory });
  const write = async (host: string): Promise<number | undefined> => {
    const path = '/apis/networking.istio.io/v1/namespaces/default/destinationrules';
    const body = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: host },
      spec: { host },
    };
    return (await client.request({ method: 'POST', path, body }, AbortSignal.timeout(20_000))).status;
  };
  t.is(await write('reviews'), 201);
  t.is(await write('reviews.service.consul'), 201);
  t.is(lists, 0);
  t.is(await write('review'), 201);
  t.is(lists, 1, 'to name one that is nearly called so');
});
