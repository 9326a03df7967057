import test from 'ava';
import { connectManager } from '../cli/client.ts';
import { startApi } from './fixture.ts';
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
