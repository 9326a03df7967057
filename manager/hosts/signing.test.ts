import { createPrivateKey } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
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

const TRUST_DOMAIN = 'isthmus.mesh';

interface Begun {
  readonly members: Members;
  /** Makes a token and joins with it. @returns why it was refused; undefined when it was not. */
  readonly join: (host: string, identity: string) => Promise<string | undefined>;
}

function begin(t: ExecutionContext): Begun {
  const directory = makeFolder('signing');
  const store = new SqliteStore(join(directory, 'store.db'));
  t.teardown(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  const now = Date.now;
  const authority = new Authority(readRoot(makeRoot(TRUST_DOMAIN, now())), { trustDomain: TRUST_DOMAIN, now });
  const members = new Members(store, () => undefined);
  const tokens = new TokenStore(store, fingerprintOf(authority.root), now);
  const signing = new Signing({ authority, members, tokens, nonces: new Nonces(now), now });
  return {
    members,
    async join(host, identity) {
      const { token } = await tokens.create({ identities: [identity], ttlMs: 60_000 });
      const csr = makeRequest(createPrivateKey(makeKey()), hostSpiffeId(TRUST_DOMAIN, host));
      return signing.join({ token, host, csr }).then(
        () => undefined,
        (error: unknown) => (error instanceof RefusalError ? error.code : String(error)),
      );
    },
  };
}

test('a host may have a name with dots, and none that its tunnels could not be named by', async t => {
  const { join: ask, members } = begin(t);
  t.is(await ask('vm-7.dc1.example', 'default/*'), undefined);
  t.deepEqual(members.get('vm-7.dc1.example')?.identities, ['default/*']);
  t.is(await ask('a..b', 'default/*'), 'host-invalid');
  t.is(await ask(`${'a.'.repeat(100)}a`, 'default/*'), 'host-invalid', 'too long for an SNI');
});

test('of two that join under one new name at the same time, one becomes that host', async t => {
  const { join: ask, members } = begin(t);
  const accounts = ['default/one', 'default/two'];
  const refused = await Promise.all(accounts.map(account => ask('a', account)));
  t.true(refused.includes('host-taken'));
  t.deepEqual(
    members.get('a')?.identities,
    accounts.filter((_, index) => refused[index] === undefined),
  );
});
