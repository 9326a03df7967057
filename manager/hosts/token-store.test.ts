import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { formatToken, makeToken, parseToken } from '../../auth/token.ts';
import { temporaryStore } from '../store/fixture.ts';
import { TokenStore } from './token-store.ts';

const FINGERPRINT = 'ab'.repeat(32);

function setUp(t: ExecutionContext) {
  const { store, directory } = temporaryStore(t, 'tokens');
  const time = { now: 1_000_000 };
  return { tokens: new TokenStore(store, FINGERPRINT, () => time.now), time, store, directory };
}

const REQUEST = { identities: ['default/*'], ttlMs: 60_000 };

test('a token is listed without its secret, and the store holds it nowhere', async t => {
  const { tokens, store, directory } = setUp(t);
  const { token, ...info } = await tokens.create(REQUEST);
  t.deepEqual(await tokens.list(), [info]);
  const { secret, fingerprint } = parseToken(token)!;
  t.is(fingerprint, FINGERPRINT);
  const { entries } = await store.list('tokens/');
  for (const { value } of entries) t.false(Buffer.from(value).toString().includes(secret));
  for (const file of ['store.db', 'store.db-wal']) t.false(readFileSync(join(directory, file)).includes(secret));
});

test('a token is good for one host, once, with white space around it or not; one that was guessed or made up for none', async t => {
  const { tokens } = setUp(t);
  const { token, id } = await tokens.create(REQUEST);
  const guessed = { ...parseToken(token)!, secret: makeToken(FINGERPRINT).secret };
  const another = formatToken(makeToken(FINGERPRINT));
  for (const wrong of [formatToken(guessed), another, token.slice(0, -1), `${token}0`, token.toUpperCase(), ''])
    await t.throwsAsync(tokens.check(wrong, 'a'), { code: 'token-invalid', message: /not valid, or was revoked/ });
  const checked = await tokens.check(`  ${token}\n`, 'a');
  t.like(checked, { id, identities: REQUEST.identities, named: false });
  await tokens.check(token, 'b');
  await checked.use();
  await t.throwsAsync(tokens.check(token, 'b'), { code: 'token-used', message: /used by host a/ });
  await t.throwsAsync(checked.use(), { code: 'token-used' });
});

test('an expired token is refused, and is gone a week later', async t => {
  const { tokens, time } = setUp(t);
  const { token } = await tokens.create(REQUEST);
  time.now += 60_000;
  await t.throwsAsync(tokens.check(token, 'a'), { code: 'token-expired' });
  time.now += 8 * 24 * 3_600_000;
  const { id } = await tokens.create(REQUEST);
  t.deepEqual(
    (await tokens.list()).map(each => each.id),
    [id],
  );
});

test('a token that names a host is good for that host alone', async t => {
  const { tokens } = setUp(t);
  const { token } = await tokens.create({ ...REQUEST, host: 'a' });
  await t.throwsAsync(tokens.check(token, 'b'), { code: 'token-other-host' });
  t.true((await tokens.check(token, 'a')).named);
});

test('a token that was revoked between check and use is not used', async t => {
  const { tokens } = setUp(t);
  const { token, id } = await tokens.create(REQUEST);
  const checked = await tokens.check(token, 'a');
  await tokens.revoke(id);
  await t.throwsAsync(checked.use(), { code: 'token-used' });
});

test('a token that was used is not revoked, also when it is used just then, and stays listed', async t => {
  const { tokens, store } = setUp(t);
  const { token, id } = await tokens.create(REQUEST);
  const checked = await tokens.check(token, 'a');
  const get = store.get.bind(store);
  store.get = async key => {
    store.get = get;
    const entry = await get(key);
    await checked.use();
    return entry;
  };
  t.deepEqual(await tokens.revoke(id), { usedBy: 'a' });
  t.deepEqual(await tokens.revoke(id), { usedBy: 'a' });
  t.like(await tokens.list(), [{ id, usedBy: 'a' }]);
  t.is(await tokens.revoke('none'), 'unknown');
});

test('patterns that are none are refused, each by its place', async t => {
  const { tokens } = setUp(t);
  const error = await t.throwsAsync(tokens.create({ identities: ['default', 'a/b/c', 'default/*'], ttlMs: 1000 }));
  t.regex(error!.message, /identities\[0\].*identities\[1\]/);
  await t.throwsAsync(tokens.create({ identities: [], ttlMs: 1000 }), { message: /at least one/ });
});
