import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { authorizationPolicyKind } from '../config/authorization-policy.ts';
import { peerAuthenticationKind } from '../config/peer-authentication.ts';
import { configKey, encodeStored } from '../config/stored.ts';
import { virtualServiceKind } from '../config/virtual-service.ts';
import type { ConfigObject } from '../model/config/object.ts';
import { systemClock } from '../model/util/clock.ts';
import { silentLogger } from '../model/util/log.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import { feedConfig } from './config.ts';

const KINDS = [authorizationPolicyKind, peerAuthenticationKind, virtualServiceKind] as const;
const KEYS = KINDS.map(kind => configKey(kind, 'shop', 'a'));
const [ALLOW, PEERS, ROUTES] = KEYS as [string, string, string];
const selector = { matchLabels: { app: 'web' } };

function stored(kind: (typeof KINDS)[number], spec: object): Uint8Array {
  const metadata = { name: 'a', namespace: 'shop', uid: 'u', generation: 1, labels: {}, annotations: {} };
  return encodeStored({
    apiVersion: `${kind.group}/v1`,
    kind: kind.kind,
    metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: spec as Readonly<Record<string, unknown>>,
    owners: [],
  });
}

/** Spec of each object that the catalog has once it was given all that is stored: the values, by key. */
async function fed(values: Readonly<Record<string, readonly Uint8Array[]>>): Promise<Record<string, unknown>> {
  const directory = makeFolder('config');
  const store = new SqliteStore(join(directory, 'store.db'));
  const stop = new AbortController();
  try {
    const first = Promise.withResolvers<void>();
    const last = Promise.withResolvers<void>();
    const objects = new Map<string, ConfigObject>();
    const setConfig = (key: string, object: ConfigObject | undefined): void => {
      if (key.endsWith('/last')) last.resolve();
      else if (object) objects.set(key, object);
      else objects.delete(key);
    };
    const parts = { store, catalog: { setConfig }, clock: systemClock, logger: silentLogger };
    for (const [key, [value]] of Object.entries(values)) await store.put(key, value!);
    const feeding = feedConfig({ ...parts, onSynced: first.resolve }, stop.signal);
    await first.promise;
    for (const [key, [, ...more]] of Object.entries(values)) for (const value of more) await store.put(key, value);
    await store.put(configKey(peerAuthenticationKind, 'shop', 'last'), stored(peerAuthenticationKind, {}));
    await last.promise;
    stop.abort();
    await feeding;
    return Object.fromEntries([...objects].map(([key, { spec }]) => [key, spec]));
  } finally {
    stop.abort();
    await store.close();
    rmSync(directory, { recursive: true });
  }
}

test('where a stored policy cannot be used, and none was before, nobody is let in whom it may refuse', async t => {
  const [allow, peers, routes] = KINDS;
  const unusable = {
    [ALLOW]: [stored(allow, { selector, rules: [{ when: [{}] }] })],
    [PEERS]: [stored(peers, { selector, mtls: { mode: 'LATER' } })],
    [ROUTES]: [stored(routes, { hosts: ['*'] })],
  };
  t.deepEqual(await fed(unusable), {
    [ALLOW]: { selector, action: 'ALLOW', rules: [] },
    [PEERS]: { selector, mtls: { mode: 'STRICT' }, portLevelMtls: {} },
  });
  const untold = [stored(allow, { selector: { later: {} } }), stored(allow, {}).subarray(1)];
  for (const value of untold) t.deepEqual(await fed({ [ALLOW]: [value] }), { [ALLOW]: { action: 'ALLOW', rules: [] } });
});

test('the policy before one that cannot be used stays', async t => {
  const [allow] = KINDS;
  const deny = { action: 'DENY', rules: [{}] };
  t.deepEqual(await fed({ [ALLOW]: [stored(allow, deny), stored(allow, { rules: [{ when: [{}] }] })] }), {
    [ALLOW]: deny,
  });
});
