import { createPrivateKey } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Authority } from '../../auth/ca/authority.ts';
import { makeRequest } from '../../auth/ca/csr.ts';
import { fingerprintOf, makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';
import { hostSpiffeId } from '../../auth/identity.ts';
import { makeFolder } from '../../test/folders.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import { Members } from './members.ts';
import { Nonces } from './nonces.ts';
import { RefusalError } from './refusal.ts';
import { Signing } from './signing.ts';
import { TokenStore } from './token-store.ts';

test('of two that join under one new name at the same time, one becomes that host', async t => {
  const directory = makeFolder('signing');
  const store = new SqliteStore(join(directory, 'store.db'));
  t.teardown(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  const trustDomain = 'isthmus.mesh';
  const now = Date.now;
  const authority = new Authority(readRoot(makeRoot(trustDomain, now())), { trustDomain, now });
  const members = new Members(store, () => undefined);
  const tokens = new TokenStore(store, fingerprintOf(authority.root), now);
  const signing = new Signing({ authority, members, tokens, nonces: new Nonces(now), now });
  const ask = async (account: string): Promise<string> => {
    const { token } = await tokens.create({ identities: [`default/${account}`], ttlMs: 60_000 });
    const csr = makeRequest(createPrivateKey(makeKey()), hostSpiffeId(trustDomain, 'a'));
    return signing.join({ token, host: 'a', csr }).then(
      () => `default/${account}`,
      (error: unknown) => (error instanceof RefusalError ? error.code : String(error)),
    );
  };
  const [first, second] = await Promise.all([ask('one'), ask('two')]);
  const winner = first === 'host-taken' ? second : first;
  t.true([first, second].includes('host-taken'));
  t.deepEqual(members.get('a')?.identities, [winner]);
});
