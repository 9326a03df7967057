import { stat } from 'node:fs/promises';
import test from 'ava';
import { resource, TYPE } from '../../compile/resource.ts';
import { cluster, endpoints, internal, listener, routes, soon, table } from './fixtures.ts';

test('only Envoy may connect', async t => {
  await using at = await table();
  t.is((await stat(at.socket)).mode & 0o777, 0o600);
});

test('tells that a stream ended, once for each', async t => {
  let told = Promise.withResolvers<void>();
  let count = 0;
  const onStreamEnd = (): void => {
    count += 1;
    told.resolve();
  };
  await using at = await table({ onStreamEnd });
  for (const turn of [1, 2]) {
    told = Promise.withResolvers();
    const envoy = at.envoy();
    envoy.subscribe(TYPE.secret, { names: ['none'] });
    await envoy.next();
    t.is(at.server.connections, 1);
    t.is(count, turn - 1);
    envoy.close();
    await told.promise;
    t.is(at.server.connections, 0);
  }
  t.is(count, 2);
});

test('says nothing of resources before it knows them, so that an Envoy that holds some keeps them', async t => {
  await using at = await table();
  const envoy = at.envoy();
  envoy.subscribe(TYPE.cluster, { names: ['*'], holding: { a: 'old' } });
  await envoy.quiet();
  at.server.update([]);
  t.deepEqual((await envoy.next()).removed, ['a']);
});

test('clusters first, with internal listeners and endpoints; listeners once these are accepted; then routes', async t => {
  await using at = await table();
  const envoy = at.envoy();
  at.server.update([routes('r'), listener('out'), internal('local'), endpoints('a'), cluster('a')]);
  envoy.subscribe(TYPE.listener, { names: [] });
  await envoy.take(TYPE.listener, 'local', 'out');
  envoy.subscribe(TYPE.routes, { names: ['r'] });
  await envoy.take(TYPE.routes, 'r');

  envoy.subscribe(TYPE.cluster);
  const clusters = await envoy.next();
  t.deepEqual(Object.keys(clusters.versions), ['a']);
  at.server.update([
    routes('r', 'x'),
    listener('out2'),
    internal('local'),
    internal('local2'),
    endpoints('a'),
    cluster('a'),
  ]);
  await envoy.take(TYPE.listener, 'local2');
  envoy.subscribe(TYPE.endpoints, { names: ['a'] });
  const assignment = await envoy.next();
  t.is(assignment.typeUrl, TYPE.endpoints);
  await envoy.quiet();
  envoy.accept(assignment);
  await envoy.quiet();
  envoy.accept(clusters);
  await envoy.take(TYPE.listener, 'out2');
  await envoy.take(TYPE.routes, 'r');
  t.deepEqual((await envoy.next()).removed, ['out']);
});

test('goes on without clusters that the client does not get ready', async t => {
  await using at = await table({ gateMs: 50 });
  const envoy = at.envoy();
  at.server.update([cluster('a'), listener('out')]);
  envoy.subscribe(TYPE.cluster);
  t.is((await envoy.next()).typeUrl, TYPE.cluster);
  envoy.subscribe(TYPE.listener);
  await envoy.take(TYPE.listener, 'out');
  t.true(at.warnings.length > 0);
});

test('a client is told that there is nothing, as it does not start before it knows', async t => {
  await using at = await table();
  const envoy = at.envoy();
  envoy.subscribe(TYPE.cluster);
  envoy.subscribe(TYPE.listener);
  await envoy.quiet();
  at.server.update([]);
  await envoy.take(TYPE.cluster);
  await envoy.take(TYPE.listener);
  at.server.update([]);
  await envoy.quiet();
  t.deepEqual(await at.server.applied(soon()), []);
});

test('a client that comes back gets what changed, and not what it holds', async t => {
  await using at = await table();
  const envoy = at.envoy();
  const [a, b] = [cluster('a'), cluster('b')];
  at.server.update([a, b]);
  envoy.subscribe(TYPE.cluster, { names: ['*', 'a', 'b', 'gone'], holding: { a: a.version, b: 'old', gone: 'x' } });
  const received = await envoy.take(TYPE.cluster, 'b');
  t.deepEqual(received.versions, { b: b.version });
  t.deepEqual((await envoy.next()).removed, ['gone']);
});

test('a name that is asked for again is sent again', async t => {
  await using at = await table();
  const envoy = at.envoy();
  at.server.update([endpoints('a')]);
  envoy.subscribe(TYPE.endpoints, { names: ['a'] });
  await envoy.take(TYPE.endpoints, 'a');
  envoy.subscribe(TYPE.endpoints, { names: ['a'] });
  await envoy.take(TYPE.endpoints, 'a');
  envoy.subscribe(TYPE.endpoints, { unsubscribe: ['a'] });
  at.server.update([endpoints('a'), cluster('a')]);
  await envoy.quiet();
  t.pass();
});

test('a cluster that changed is followed by its endpoints, which Envoy needs anew and does not ask for', async t => {
  await using at = await table();
  const envoy = at.envoy();
  at.server.update([cluster('a'), endpoints('a')]);
  envoy.subscribe(TYPE.cluster);
  await envoy.take(TYPE.cluster, 'a');
  envoy.subscribe(TYPE.endpoints, { names: ['a'] });
  await envoy.take(TYPE.endpoints, 'a');
  at.server.update([cluster('a', '2s'), endpoints('a')]);
  await envoy.take(TYPE.cluster, 'a');
  await envoy.take(TYPE.endpoints, 'a');
  t.pass();
});

test('endpoints do not come before the version of their cluster that they are for', async t => {
  await using at = await table();
  const envoy = at.envoy();
  const one = endpoints('one');
  at.server.update([cluster('one'), cluster('other'), one]);
  envoy.subscribe(TYPE.cluster);
  await envoy.take(TYPE.cluster, 'one', 'other');
  envoy.subscribe(TYPE.endpoints, { names: ['one'] });
  await envoy.take(TYPE.endpoints, 'one');
  at.server.update([cluster('one'), cluster('other', '2s'), one]);
  const first = await envoy.next();
  const moved = resource(TYPE.endpoints, 'one', { cluster_name: 'one', endpoints: [{ priority: 1 }] }, []);
  at.server.update([cluster('one', '2s'), cluster('other', '2s'), moved]);
  await envoy.quiet();
  envoy.accept(first);
  await envoy.take(TYPE.cluster, 'one');
  await envoy.take(TYPE.endpoints, 'one');
  t.pass();
});

test('finds the one that is refused, lets the others through, and offers it again later', async t => {
  let mended = 0;
  await using at = await table({ retryMs: 50, onMended: () => (mended += 1) });
  const envoy = at.envoy();
  const bad = cluster('bad');
  at.server.update(['a', 'b', 'c'].map(name => cluster(name)).concat(bad));
  envoy.subscribe(TYPE.cluster);
  envoy.subscribe(TYPE.listener);
  envoy.refuse(await envoy.next(), 'something is wrong');
  await envoy.take(TYPE.cluster, 'a', 'b');
  envoy.refuse(await envoy.next(), 'Error adding/updating cluster(s) bad: too bad');
  await envoy.take(TYPE.cluster, 'c');
  envoy.refuse(await envoy.next(), 'too bad');
  await envoy.take(TYPE.listener);
  t.like(await at.server.applied(soon()), [
    { name: 'bad', version: bad.version, reason: 'too bad', origins: ['service bad'] },
  ]);
  t.like(at.warnings, [{ name: 'bad', reason: 'too bad', origins: ['service bad'] }]);
  const states = at.server.status().resources.filter(({ typeUrl }) => typeUrl === TYPE.cluster);
  t.deepEqual(
    states.map(({ name, state }) => `${name} ${state}`),
    ['a accepted', 'b accepted', 'c accepted', 'bad rejected'],
  );
  envoy.refuse(await envoy.next(), 'too bad');
  t.is(at.warnings.length, 1, 'the same refusal is told once');
  t.is(mended, 0);
  await envoy.take(TYPE.cluster, 'bad');
  t.deepEqual(await at.server.applied(soon()), []);
  t.is(mended, 1, 'it is told once that it is mended');
  at.server.update(['a', 'b', 'c', 'bad'].map(name => cluster(name, '2s')));
  await envoy.take(TYPE.cluster, 'a', 'b', 'c', 'bad');
  await at.server.applied(soon());
  t.is(mended, 1);
});

test('a version that is refused leaves the one before in force, and the next one is tried', async t => {
  await using at = await table();
  const envoy = at.envoy();
  const [good, bad, better] = [cluster('a', '1s'), cluster('a', '2s'), cluster('a', '3s')];
  at.server.update([good]);
  envoy.subscribe(TYPE.cluster);
  envoy.subscribe(TYPE.listener);
  await envoy.take(TYPE.cluster, 'a');
  await envoy.take(TYPE.listener);
  at.server.update([bad]);
  envoy.refuse(await envoy.next(), 'bad');
  await at.server.applied(soon());
  t.like(
    at.server.status().resources.find(({ name }) => name === 'a'),
    {
      state: 'rejected',
      version: bad.version,
      accepted: good.version,
      reason: 'bad',
    },
  );
  at.server.update([better]);
  await envoy.take(TYPE.cluster, 'a');
  t.deepEqual(await at.server.applied(soon()), []);
});

test('a secret that is missing is answered at once, and sent when it comes', async t => {
  await using at = await table();
  const envoy = at.envoy();
  envoy.subscribe(TYPE.secret, { names: ['spiffe://mesh/a', 'roots'] });
  const first = await envoy.next();
  t.deepEqual([Object.keys(first.versions), first.removed], [['roots'], ['spiffe://mesh/a']]);
  envoy.accept(first);
  at.server.setSecrets([{ identity: 'spiffe://mesh/a', chain: 'chain', key: 'key' }], 'root');
  await envoy.take(TYPE.secret, 'spiffe://mesh/a');
  at.server.setSecrets([], 'root');
  t.deepEqual((await envoy.next()).removed, ['spiffe://mesh/a']);
});

test('two Envoys at once, of which one takes over, each get everything', async t => {
  await using at = await table();
  const [old, fresh] = [at.envoy(), at.envoy()];
  at.server.update([cluster('a')]);
  for (const envoy of [old, fresh]) {
    envoy.subscribe(TYPE.cluster);
    envoy.subscribe(TYPE.listener);
    await envoy.take(TYPE.cluster, 'a');
    await envoy.take(TYPE.listener);
  }
  await at.server.applied(soon());
  t.is(at.server.status().connections, 2);
  at.server.update([cluster('a'), cluster('b')]);
  const done = at.server.applied(soon());
  await old.take(TYPE.cluster, 'b');
  const slow = await fresh.next();
  t.is(await Promise.race([done, old.quiet().then(() => 'waiting')]), 'waiting');
  fresh.accept(slow);
  t.deepEqual(await done, []);
});

const SUCCESSIONS: readonly {
  readonly title: string;
  readonly order: readonly { readonly startedMs?: number; readonly accepts?: boolean }[];
}[] = [
  { title: 'the one before connects first', order: [{ startedMs: 1 }, { startedMs: 2, accepts: true }] },
  {
    title: 'an agent came back, and its successor was quicker',
    order: [{ startedMs: 2, accepts: true }, { startedMs: 1 }],
  },
  { title: 'the one before is of an earlier agent, and slow', order: [{ startedMs: 2, accepts: true }, {}] },
  { title: 'both are of an earlier agent', order: [{}, { accepts: true }] },
];

for (const { title, order } of SUCCESSIONS)
  test(`what the Envoy before refused is no refusal of its successor: ${title}`, async t => {
    await using at = await table();
    at.server.update([listener('out')]);
    let taken = false;
    for (const { startedMs, accepts = false } of order) {
      taken ||= accepts;
      const envoy = at.envoy(startedMs);
      envoy.subscribe(TYPE.cluster);
      await envoy.take(TYPE.cluster);
      envoy.subscribe(TYPE.listener);
      const offered = await envoy.next();
      if (accepts) envoy.accept(offered);
      else envoy.refuse(offered, 'no right to do that');
      const refused = await at.server.applied(soon());
      t.deepEqual(
        refused.map(({ name }) => name),
        taken ? [] : ['out'],
      );
    }
  });

test('changes without end hold up neither other types nor who waits for what was wanted when they asked', async t => {
  await using at = await table({ gateMs: 50 });
  const envoy = at.envoy();
  at.server.update([cluster('a'), listener('out'), routes('r')]);
  envoy.subscribe(TYPE.cluster);
  envoy.subscribe(TYPE.listener);
  envoy.subscribe(TYPE.routes, { names: ['r'] });
  let waiting = true;
  const done = at.server.applied(soon()).finally(() => {
    waiting = false;
  });
  for (let round = 1; waiting; round += 1) {
    const response = await envoy.next();
    // Each answer finds another cluster wanted: there is no moment at which the client lacks nothing.
    at.server.update([cluster('a'), cluster('churn', `${round}s`), listener('out'), routes('r')]);
    envoy.accept(response);
  }
  t.deepEqual(await done, []);
});

test('waiting for what was sent ends with its signal', async t => {
  await using at = await table();
  at.server.update([cluster('a')]);
  const error = await t.throwsAsync(at.server.applied(AbortSignal.timeout(20)));
  t.is(error?.name, 'TimeoutError');
});

test('what is too large for one response comes in several, and what is too large for any alone', async t => {
  await using at = await table();
  const envoy = at.envoy();
  const [large, larger] = ['x'.repeat(700 * 1024), 'x'.repeat(2_100 * 1024)];
  at.server.update([routes('a', larger), ...['b', 'c', 'd', 'e'].map(name => routes(name, large))]);
  envoy.subscribe(TYPE.routes, { names: ['a'] });
  await envoy.take(TYPE.routes, 'a');
  envoy.subscribe(TYPE.routes, { names: ['b', 'c', 'd', 'e'] });
  await envoy.take(TYPE.routes, 'b', 'c');
  await envoy.take(TYPE.routes, 'd', 'e');
  at.server.update([routes('a', `${larger}y`), routes('b', `${large}y`)]);
  await envoy.take(TYPE.routes, 'a');
  await envoy.take(TYPE.routes, 'b');
  await t.notThrowsAsync(envoy.quiet());
});
