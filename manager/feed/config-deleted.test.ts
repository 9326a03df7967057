import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { peerAuthenticationKind } from '../config/peer-authentication.ts';
import { configKey, encodeStored } from '../config/stored.ts';
import type { Clock } from '../model/util/clock.ts';
import { silentLogger } from '../model/util/log.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import { type StoreChange, StoreError } from '../store/store.ts';
import { feedConfig } from './config.ts';

function stored(name: string): Uint8Array {
  const more = { uid: 'u', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z', labels: {}, annotations: {} };
  const metadata = { name, namespace: 'default', ...more };
  const spec = { mtls: { mode: 'STRICT' } };
  return encodeStored({ apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata, spec, owners: [] });
}

/** A store whose first watch ends with an error when it is told to. */
class FailingStore extends SqliteStore {
  readonly failing: PromiseWithResolvers<never> = Promise.withResolvers<never>();
  #watches = 0;

  override async *watch(prefix: string, after: number, signal: AbortSignal): AsyncGenerator<StoreChange, void, void> {
    this.#watches += 1;
    if (this.#watches === 1) await this.failing.promise;
    yield* super.watch(prefix, after, signal);
  }
}

test('what is deleted while the store cannot be followed is gone once it can', async t => {
  const directory = makeFolder('feed-config');
  t.teardown(() => rmSync(directory, { recursive: true }));
  const store = new FailingStore(join(directory, 'store.db'));
  t.teardown(() => store.close());
  const keys = ['a', 'b'].map(name => configKey(peerAuthenticationKind, 'default', name));
  for (const [index, key] of keys.entries()) await store.put(key, stored(['a', 'b'][index]!));
  const held = new Set<string>();
  const catalog = { setConfig: (key: string, object: unknown) => void (object ? held.add(key) : held.delete(key)) };
  const stop = new AbortController();
  const synced = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let times = 0;
  const onSynced = (): void => synced[times++]?.resolve();
  const clock: Clock = { now: () => 0, sleep: () => Promise.resolve() };
  const feeding = feedConfig({ store, catalog, clock, logger: silentLogger, onSynced }, stop.signal);
  await synced[0]!.promise;
  t.deepEqual([...held], keys);

  await store.delete(keys[0]!);
  store.failing.reject(new StoreError('FAILED', 'disk I/O error'));
  await synced[1]!.promise;
  t.deepEqual([...held], [keys[1]]);
  stop.abort();
  await feeding;
});
