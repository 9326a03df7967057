import { randomUUID } from 'node:crypto';
import { type EventEmitter, once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { makeFolder } from '../folders.ts';
import { startConsul } from '../real/consul.ts';
import { startZooKeeper } from '../real/zookeeper.ts';
import { watch } from './watch.ts';

test('consul: a token from a file; one that may read nothing empties nothing; none is ever shown', async t => {
  const [manager, reader, useless] = [randomUUID(), randomUUID(), randomUUID()];
  const acl = { enabled: true, default_policy: 'deny', tokens: { initial_management: manager, agent: manager } };
  await using consul = await startConsul({ config: { acl }, token: manager });
  const ask = (path: string, body: unknown): Promise<unknown> => consul.request('PUT', path, body, manager);
  const Rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
  await ask('/v1/acl/policy', { Name: 'read', Rules });
  await ask('/v1/acl/token', { SecretID: reader, Policies: [{ Name: 'read' }] });
  await ask('/v1/acl/token', { SecretID: useless });
  await ask('/v1/agent/service/register', { ID: 'r1', Name: 'reviews', Address: '10.0.0.1', Port: 80 });
  const folder = makeFolder('token');
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${reader}\n`, { mode: 0o600 });

  await using watched = watch({ entry: { kind: 'consul', address: consul.address, tokenFile, waitSeconds: 1 } });
  await watched.until('the first list', status => status.synced);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);

  await writeFile(tokenFile, useless);
  await consul.restart();
  await watched.until('the refusal', status => status.lastError?.includes('may read no service') ?? false);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);

  await writeFile(tokenFile, randomUUID());
  await watched.until('a token that is none', status => status.lastError?.includes('look at "token"') ?? false);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);

  await writeFile(tokenFile, reader);
  await watched.until('the return', status => status.staleSinceMs === undefined);
  for (const secret of [reader, useless]) t.false(watched.warnings.join('\n').includes(secret));
});

test('consul: a token that may read the nodes no more empties nothing, and that is named', async t => {
  const [manager, reader] = [randomUUID(), randomUUID()];
  const acl = { enabled: true, default_policy: 'deny', tokens: { initial_management: manager, agent: manager } };
  await using consul = await startConsul({ config: { acl }, token: manager });
  const ask = (path: string, body: unknown): Promise<unknown> => consul.request('PUT', path, body, manager);
  const policy = (nodes: string): object => ({ Name: 'read', Rules: `service_prefix "" { policy = "read" } ${nodes}` });
  const { ID } = (await ask('/v1/acl/policy', policy('node_prefix "" { policy = "read" }'))) as { readonly ID: string };
  await ask('/v1/acl/token', { SecretID: reader, Policies: [{ Name: 'read' }] });
  await ask('/v1/agent/service/register', { ID: 'r1', Name: 'reviews', Address: '10.0.0.1', Port: 80 });

  const entry = { kind: 'consul', address: consul.address, token: reader, waitSeconds: 1 };
  await using watched = watch({ entry });
  await watched.until('the first list', status => status.synced);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);

  await ask(`/v1/acl/policy/${ID}`, { ID, ...policy('') });
  await watched.until('the refusal', status => status.problems.length > 0);
  t.regex(watched.followed.status().problems[0]!.why, /node_prefix/);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);

  await ask(`/v1/acl/policy/${ID}`, { ID, ...policy('node_prefix "" { policy = "read" }') });
  await watched.until('the return', status => status.problems.length === 0);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);
  await ask('/v1/agent/service/deregister/r1', undefined);
  await watched.until('the end', () => watched.of('reviews') === undefined);
});

test('consul: services that a token may read no more stay and are named, those that are really gone go; over sessions too', async t => {
  const [manager, reader] = [randomUUID(), randomUUID()];
  const acl = { enabled: true, default_policy: 'deny', tokens: { initial_management: manager, agent: manager } };
  await using consul = await startConsul({ config: { acl }, token: manager });
  const ask = (path: string, body: unknown): Promise<unknown> => consul.request('PUT', path, body, manager);
  const policy = (services: string): object => ({
    Name: 'read',
    Rules: `node_prefix "" { policy = "read" } ${services} { policy = "read" }`,
  });
  const { ID } = (await ask('/v1/acl/policy', policy('service_prefix ""'))) as { readonly ID: string };
  await ask('/v1/acl/token', { SecretID: reader, Policies: [{ Name: 'read' }] });
  for (const Name of ['cart', 'reviews', 'shop'])
    await ask('/v1/agent/service/register', { ID: Name, Name, Address: '10.0.0.1', Port: 80 });

  const entry = { kind: 'consul', address: consul.address, token: reader, waitSeconds: 1 };
  await using watched = watch({ entry });
  await watched.until('the first list', status => status.synced);
  await ask(`/v1/acl/policy/${ID}`, { ID, ...policy('service "cart"') });
  const hidden = (): string[] =>
    watched.followed
      .status()
      .problems.map(({ where }) => where)
      .sort();
  const both = ['service "reviews"', 'service "shop"'];
  await watched.until('the refusal', () => hidden().length === 2);
  const lost = watched.until('the loss', status => status.staleSinceMs !== undefined);
  await consul.restart();
  await lost;
  await watched.until('the return', status => status.staleSinceMs === undefined);
  t.deepEqual(hidden(), both);
  const listed = ['cart', 'reviews', 'shop'].map(name => watched.of(name)?.length);
  t.deepEqual(listed, [1, 1, 1]);

  await ask('/v1/agent/service/deregister/shop', undefined);
  await watched.until('the end of one', () => watched.of('shop') === undefined);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);
  await ask(`/v1/acl/policy/${ID}`, { ID, ...policy('service_prefix ""') });
  await watched.until('the right', () => hidden().length === 0);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);
});

/** What only this test needs of the library. */
interface Library {
  createClient(servers: string): {
    connect(): void;
    close(): void;
    once(event: 'connected', listener: () => void): void;
    addAuthInfo(scheme: string, auth: Buffer): void;
    setACL(path: string, acls: readonly unknown[], done: (error: Error | null) => void): void;
  };
  readonly ACL: { readonly CREATOR_ALL_ACL: readonly unknown[]; readonly OPEN_ACL_UNSAFE: readonly unknown[] };
}

const library = createRequire(import.meta.url)('node-zookeeper-client') as Library;

/**
 * Says who may read a znode, as the user `mesh`. With a connection of its own: one that was broken sends what waited meanwhile before it says
 * who it is.
 */
async function protect(
  { address }: { readonly address: string },
  path: string,
  acls: readonly unknown[],
): Promise<void> {
  const owner = library.createClient(address);
  owner.addAuthInfo('digest', Buffer.from('mesh:secret'));
  const connected = once(owner as unknown as EventEmitter, 'connected');
  owner.connect();
  try {
    await connected;
    await promisify(owner.setACL.bind(owner))(path, acls);
  } finally {
    owner.close();
  }
}

const member = (host: string): string =>
  JSON.stringify({ serviceEndpoint: { host, port: 80 }, additionalEndpoints: {} });

test('zookeeper: a set that may not be read stays as it was and is named; with the password it is read', async t => {
  await using zookeeper = await startZooKeeper();
  await zookeeper.put('/discovery/open/member_1', member('10.0.0.1'));
  await zookeeper.put('/discovery/closed/member_1', member('10.0.0.2'));

  const entry = { kind: 'zookeeper', servers: zookeeper.address, paths: ['/discovery/*'], sessionSeconds: 1 };
  await using stranger = watch({ entry });
  await stranger.until('the first list', status => status.synced);
  await protect(zookeeper, '/discovery/closed', library.ACL.CREATOR_ALL_ACL);
  await zookeeper.restart();
  await stranger.until('the refusal', status => status.problems.length > 0 && status.staleSinceMs === undefined);
  t.is(stranger.followed.status().problems[0]?.where, '/discovery/closed');
  t.deepEqual([stranger.of('open'), stranger.of('closed')], [['10.0.0.1:80'], ['10.0.0.2:80']]);

  await using friend = watch({ entry: { ...entry, digest: 'mesh:secret' } });
  await friend.until('the first list', status => status.synced);
  t.deepEqual(friend.of('closed'), ['10.0.0.2:80']);
  t.deepEqual(friend.followed.status().problems, []);
  t.false([...stranger.warnings, ...friend.warnings].join('\n').includes('secret'));
});

test('zookeeper: a directory that may not be listed empties nothing, and what left it meanwhile goes once it may', async t => {
  await using zookeeper = await startZooKeeper();
  for (const name of ['cart', 'reviews']) await zookeeper.put(`/discovery/${name}/member_1`, member('10.0.0.1'));
  const entry = { kind: 'zookeeper', servers: zookeeper.address, paths: ['/discovery/*'], sessionSeconds: 1 };
  await using watched = watch({ entry });
  await watched.until('the first list', status => status.synced);

  await protect(zookeeper, '/discovery', library.ACL.CREATOR_ALL_ACL);
  await zookeeper.restart();
  await watched.until('the refusal', status => status.problems.length > 0 && status.staleSinceMs === undefined);
  t.is(watched.followed.status().problems[0]?.where, '/discovery');
  t.deepEqual([watched.of('cart'), watched.of('reviews')], [['10.0.0.1:80'], ['10.0.0.1:80']]);

  await protect(zookeeper, '/discovery', library.ACL.OPEN_ACL_UNSAFE);
  await zookeeper.remove('/discovery/cart');
  await zookeeper.restart();
  await watched.until('the return', () => watched.of('cart') === undefined);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);
  t.deepEqual(watched.followed.status().problems, []);
});
