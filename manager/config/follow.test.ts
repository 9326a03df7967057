import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import { type ConfigChange, followConfig } from './follow.ts';
import { peerAuthenticationKind } from './peer-authentication.ts';
import { configKey, encodeStored } from './stored.ts';

function stored(name: string, mode: string): Uint8Array {
  return encodeStored({
    apiVersion: 'security.istio.io/v1beta1',
    kind: 'PeerAuthentication',
    metadata: {
      name,
      namespace: 'default',
      uid: 'u',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: {},
      annotations: {},
    },
    spec: { mtls: { mode } },
    owners: [],
  });
}

const show = (change: ConfigChange): string => {
  if (change.type === 'synced') return 'synced';
  const name = change.key.split('/').at(-1);
  return change.type === 'object' ? `${name} ${JSON.stringify(change.object.spec)}` : `${name} ${change.type}`;
};
const spec = (mode: string): string => JSON.stringify({ mtls: { mode }, portLevelMtls: {} });

test('a follower hears every object, what cannot be used, and what went while history was lost', async t => {
  const directory = makeFolder('follow');
  t.teardown(() => rmSync(directory, { recursive: true }));
  const store = new SqliteStore(join(directory, 'store.db'), { historySize: 4 });
  t.teardown(() => store.close());
  const key = (name: string): string => configKey(peerAuthenticationKind, 'default', name);
  const stop = new AbortController();
  const changes = followConfig(store, stop.signal);
  const next = async (): Promise<string> => show((await changes.next()).value!);

  await store.put(key('a'), stored('a', 'STRICT'));
  await store.put(key('b'), stored('b', 'STRICT'));
  await store.put('tokens/x', new Uint8Array());
  t.is(await next(), `a ${spec('STRICT')}`);
  t.is(await next(), `b ${spec('STRICT')}`);
  t.is(await next(), 'synced');

  await store.put(key('a'), stored('a', 'later'));
  t.is(await next(), 'a unusable');
  await store.delete(key('a'));
  t.is(await next(), 'a gone');

  await store.delete(key('b'));
  for (let index = 0; index < 20; index += 1) await store.put(key('c'), stored('c', index < 19 ? 'STRICT' : 'DISABLE'));
  t.is(await next(), 'b gone');
  t.is(await next(), `c ${spec('DISABLE')}`);
  t.is(await next(), 'synced');

  const ending = changes.next();
  stop.abort();
  t.true((await ending).done);
});
