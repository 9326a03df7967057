import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { silentLogger } from '../../../manager/model/util/log.ts';
import { makeFolder } from '../../../test/folders.ts';
import { type Resource, resource, TYPE } from '../../compile/resource.ts';
import { FakeEnvoy } from './fake-envoy.ts';
import { loadSchema } from './schema.ts';
import { AdsServer } from './server.ts';

const schema = loadSchema();
const soon = (): AbortSignal => AbortSignal.timeout(20_000);
const cluster = (name: string, timeout = '1s'): Resource =>
  resource(TYPE.cluster, name, { name, type: 'EDS', connect_timeout: timeout, eds_cluster_config: {} }, []);
/** @param priority makes it another version. */
const endpoints = (name: string, priority: number): Resource =>
  resource(TYPE.endpoints, name, { cluster_name: name, endpoints: [{ priority }] }, []);
const versions = (...wanted: readonly Resource[]): Readonly<Record<string, string>> =>
  Object.fromEntries(wanted.map(({ name, version }) => [name, version]));

interface Table extends AsyncDisposable {
  readonly server: AdsServer;
  readonly envoy: FakeEnvoy;
}

async function table(): Promise<Table> {
  const folder = makeFolder('hosts-first');
  const socket = join(folder, 'xds.sock');
  const server = new AdsServer({ socket, uid: process.getuid?.() ?? 0, log: silentLogger, schema, retryMs: 50 });
  await server.start();
  server.setSecrets([], 'root');
  const envoy = new FakeEnvoy(socket, schema);
  return {
    server,
    envoy,
    async [Symbol.asyncDispose]() {
      envoy.close();
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** One whose Envoy has the list, and endpoints a and b. */
async function begun(at: Table): Promise<void> {
  at.server.update([endpoints('a', 1), endpoints('b', 1), endpoints('hbone', 1)]);
  for (const type of [TYPE.cluster, TYPE.listener]) {
    at.envoy.subscribe(type);
    await at.envoy.take(type);
  }
  at.envoy.subscribe(TYPE.endpoints, { names: ['a', 'b', 'hbone'] });
  await at.envoy.take(TYPE.endpoints, 'hbone');
  await at.envoy.take(TYPE.endpoints, 'a', 'b');
}

test('endpoints wait until the list of hosts is accepted, also when it changes while they are on their way', async t => {
  await using at = await table();
  await begun(at);
  at.server.update([endpoints('a', 2), endpoints('b', 1), endpoints('hbone', 2)]);
  const list = await at.envoy.next();
  t.deepEqual(list.versions, versions(endpoints('hbone', 2)));
  await at.envoy.quiet();
  at.envoy.accept(list);
  const slow = await at.envoy.next();
  t.deepEqual(slow.versions, versions(endpoints('a', 2)));
  at.server.update([endpoints('a', 3), endpoints('b', 3), endpoints('hbone', 3)]);
  at.envoy.accept(slow);
  await at.envoy.take(TYPE.endpoints, 'hbone');
  await at.envoy.take(TYPE.endpoints, 'a', 'b');
  t.deepEqual(await at.server.applied(soon()), []);
});

test('endpoints that are refused together are looked into after the list that changed meanwhile', async t => {
  await using at = await table();
  await begun(at);
  at.server.update([endpoints('a', 2), endpoints('b', 2), endpoints('hbone', 1)]);
  const both = await at.envoy.next();
  at.server.update([endpoints('a', 3), endpoints('b', 2), endpoints('hbone', 2)]);
  at.envoy.refuse(both, 'something is wrong');
  await at.envoy.take(TYPE.endpoints, 'hbone');
  const rest = new Set([await at.envoy.take(TYPE.endpoints, 'a'), await at.envoy.take(TYPE.endpoints, 'b')]);
  t.deepEqual(
    Object.assign({}, ...[...rest].map(each => each.versions)),
    versions(endpoints('a', 3), endpoints('b', 2)),
  );
});

test('a list that is refused holds up no other endpoints, and is offered again', async t => {
  await using at = await table();
  await begun(at);
  at.server.update([endpoints('a', 2), endpoints('b', 1), endpoints('hbone', 2)]);
  at.envoy.refuse(await at.envoy.next(), 'bad');
  await at.envoy.take(TYPE.endpoints, 'a');
  t.like(await at.server.applied(soon()), [{ name: 'hbone', reason: 'bad' }]);
  await at.envoy.take(TYPE.endpoints, 'hbone');
  t.deepEqual(await at.server.applied(soon()), []);
});

test('an Envoy that comes back with the list it had gets endpoints at once', async t => {
  await using at = await table();
  const list = endpoints('hbone', 1);
  at.server.update([endpoints('a', 1), list]);
  at.envoy.subscribe(TYPE.endpoints, { names: ['a', 'hbone'], holding: { a: 'old', ...versions(list) } });
  await at.envoy.take(TYPE.endpoints, 'a');
  t.pass();
});

test('an Envoy whose tunnels had no list yet gets other endpoints at once, and the list when its new cluster asks', async t => {
  await using at = await table();
  const [a, before] = [cluster('a'), cluster('hbone', '2s')];
  at.envoy.subscribe(TYPE.cluster, { names: ['*', 'a', 'hbone'], holding: versions(a, before) });
  at.envoy.subscribe(TYPE.endpoints, { names: ['a'], holding: { a: 'old' } });
  await at.envoy.quiet();
  at.server.update([cluster('hbone'), a, endpoints('a', 1), endpoints('hbone', 1)]);
  const replaced = await at.envoy.next();
  t.deepEqual(replaced.versions, versions(cluster('hbone')));
  await at.envoy.take(TYPE.endpoints, 'a');
  // Envoy acknowledges the cluster once that has its list.
  at.envoy.subscribe(TYPE.endpoints, { names: ['hbone'] });
  await at.envoy.take(TYPE.endpoints, 'hbone');
  at.envoy.accept(replaced);
  await at.envoy.quiet();
  t.pass();
});
