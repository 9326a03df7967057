import { createPrivateKey, X509Certificate } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../../auth/ca/authority.ts';
import { makeRequest } from '../../auth/ca/csr.ts';
import { fingerprintOf, makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';
import { hostSpiffeId } from '../../auth/identity.ts';
import { temporaryStore } from '../store/fixture.ts';
import { Members } from './members.ts';
import { Nonces } from './nonces.ts';
import { RefusalError } from './refusal.ts';
import { Signing } from './signing.ts';
import { TokenStore } from './token-store.ts';

const TRUST_DOMAIN = 'isthmus.mesh';

interface Begun {
  readonly members: Members;
  readonly signing: Signing;
  /** Makes a token and joins with it. @returns why it was refused; undefined when it was not. */
  readonly join: (host: string, identity: string, named?: 'named') => Promise<string | undefined>;
  readonly tokens: TokenStore;
  /** Hosts that joined anew. */
  readonly anew: readonly string[];
}

function begin(t: ExecutionContext): Begun {
  const { store } = temporaryStore(t, 'signing');
  const now = Date.now;
  const authority = new Authority(readRoot(makeRoot(TRUST_DOMAIN, now())), { trustDomain: TRUST_DOMAIN, now });
  const anew: string[] = [];
  const members = new Members(
    store,
    () => undefined,
    host => anew.push(host),
  );
  const tokens = new TokenStore(store, fingerprintOf(authority.root), now);
  const signing = new Signing({ authority, members, tokens, nonces: new Nonces(now), now });
  return {
    members,
    signing,
    tokens,
    anew,
    async join(host, identity, named) {
      const { token } = await tokens.create({ identities: [identity], ttlMs: 60_000, ...(named && { host }) });
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

test('a host joins anew by a token that names it, with the rights of that one; a token is used up by who gets in', async t => {
  const { join: ask, members, tokens, anew } = begin(t);
  t.is(await ask('a', 'default/one'), undefined);
  t.is(await ask('a', 'default/two'), 'host-taken');
  t.deepEqual([members.get('a')?.identities, anew], [['default/one'], []]);
  t.is(await ask('a', 'default/three', 'named'), undefined);
  t.deepEqual([members.get('a')?.identities, anew], [['default/three'], ['a']]);
  t.is(await ask('b', 'default/four', 'named'), undefined);
  t.deepEqual([members.get('b')?.identities, anew], [['default/four'], ['a']]);
  t.deepEqual((await tokens.list()).map(({ usedBy }) => usedBy ?? 'nobody').sort(), ['a', 'a', 'b', 'nobody']);
});

test('no machine joins under the name of one that is connected from elsewhere, and the token stays', async t => {
  const { signing, members, tokens } = begin(t);
  const { token } = await tokens.create({ identities: ['default/*'], ttlMs: 60_000, host: 'a' });
  const csr = makeRequest(createPrivateKey(makeKey()), hostSpiffeId(TRUST_DOMAIN, 'a'));
  const refused = await t.throwsAsync(signing.join({ token, host: 'a', csr }, '10.0.0.1'), { code: 'host-connected' });
  t.regex(refused!.message, /^host "a" is connected, from 10\.0\.0\.1; join this machine under a name of its own, or/);
  const guessed = token.replace(/\.[^.]+\.([^.]+)$/, `.${'x'.repeat(43)}.$1`);
  await t.throwsAsync(signing.join({ token: guessed, host: 'a', csr }, '10.0.0.1'), { code: 'token-invalid' });
  t.is(members.get('a'), undefined);
  await t.notThrowsAsync(signing.join({ token, host: 'a', csr }));
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

const WEB = `spiffe://${TRUST_DOMAIN}/ns/default/sa/web`;
/** What host `a` asks for; its token allowed `default/*`. */
interface Asked {
  readonly identity?: string;
  /** What the certificate request is for, if for another. */
  readonly inRequest?: string;
  /** Host that the nonce was given to; undefined for a request without one. */
  readonly nonceOf?: string | undefined;
  readonly nonce?: string;
  /** The same request was signed before. */
  readonly again?: true;
}

const ASKED: readonly [what: string, asked: Asked, refused: string | undefined][] = [
  ['what its token allows', {}, undefined],
  ['its own identity', { identity: hostSpiffeId(TRUST_DOMAIN, 'a') }, undefined],
  [
    'an identity of another trust domain',
    { identity: WEB.replace(TRUST_DOMAIN, 'other.mesh') },
    'identity-not-allowed',
  ],
  ['an identity that its token does not allow', { identity: WEB.replace('default', 'bank') }, 'identity-not-allowed'],
  ['the identity of another host', { identity: hostSpiffeId(TRUST_DOMAIN, 'b') }, 'identity-not-allowed'],
  ['one identity with a request for another', { inRequest: `${WEB}-2` }, 'csr-other-identity'],
  ['something without a nonce', { nonceOf: undefined }, 'nonce-invalid'],
  ['something with a nonce that nobody gave', { nonce: 'made-up' }, 'nonce-invalid'],
  ['something with a nonce of another host', { nonceOf: 'b' }, 'nonce-invalid'],
  ['something with a nonce that was used', { again: true }, 'nonce-invalid'],
];

for (const [what, asked, refused] of ASKED)
  test(`a host gets ${refused === undefined ? 'a' : 'no'} certificate when it asks for ${what}`, t => {
    const { signing } = begin(t);
    const { identity, nonceOf, ...more } = { identity: WEB, nonceOf: 'a', ...asked };
    const nonce = more.nonce ?? (nonceOf && signing.challenge(nonceOf));
    const csr = makeRequest(createPrivateKey(makeKey()), more.inRequest ?? identity, nonce);
    const host = { name: 'a', identities: ['default/*'], joinedAt: 0, token: 't' };
    const sign = (): string => signing.sign(host, { csr, identity }).certificateChain;
    if (more.again) sign();
    if (refused !== undefined) t.throws(sign, { code: refused });
    else t.is(new X509Certificate(sign()).subjectAltName, `URI:${identity}`);
  });
