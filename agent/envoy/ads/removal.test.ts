import test from 'ava';
import { TYPE } from '../../compile/resource.ts';
import { cluster, listener, table } from './fixtures.ts';

test('removes listeners before the clusters that they named', async t => {
  await using at = await table();
  const envoy = at.envoy();
  at.server.update([cluster('a'), listener('out')]);
  envoy.subscribe(TYPE.cluster);
  envoy.subscribe(TYPE.listener);
  await envoy.take(TYPE.cluster, 'a');
  await envoy.take(TYPE.listener, 'out');
  at.server.update([]);
  const first = await envoy.next();
  t.deepEqual([first.typeUrl, first.removed], [TYPE.listener, ['out']]);
  await envoy.quiet();
  envoy.accept(first);
  const second = await envoy.next();
  t.deepEqual([second.typeUrl, second.removed], [TYPE.cluster, ['a']]);
});

test('a cluster is kept for a while after it is wanted no more, however long all was quiet before', async t => {
  const removalMs = 100;
  await using at = await table({ removalMs });
  const envoy = at.envoy();
  at.server.update([cluster('a'), cluster('b'), listener('out')]);
  envoy.subscribe(TYPE.cluster);
  envoy.subscribe(TYPE.listener);
  await envoy.take(TYPE.cluster, 'a', 'b');
  await envoy.take(TYPE.listener, 'out');
  at.server.update([cluster('b'), listener('out')]);
  envoy.accept(await envoy.next());
  const before = performance.now();
  at.server.update([]);
  envoy.accept(await envoy.next());
  t.deepEqual((await envoy.next()).removed, ['b']);
  t.true(performance.now() - before >= removalMs);
});

for (const [removalMs, what] of [
  [60_000, 'stays for a while'],
  [20, 'is removed after that by itself'],
] as const)
  test(`a cluster that nothing names any more ${what}`, async t => {
    await using at = await table({ removalMs, gateMs: 60_000 });
    const envoy = at.envoy();
    at.server.update([cluster('a'), cluster('b')]);
    envoy.subscribe(TYPE.cluster);
    await envoy.take(TYPE.cluster, 'a', 'b');
    at.server.update([cluster('b', '2s')]);
    await envoy.take(TYPE.cluster, 'b');
    if (removalMs === 20) t.deepEqual((await envoy.next()).removed, ['a']);
    else await t.notThrowsAsync(envoy.quiet());
  });
