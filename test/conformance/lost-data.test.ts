import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startConsul } from '../real/consul.ts';
import { startZooKeeper } from '../real/zookeeper.ts';
import { watch } from './watch.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const MEMBER = JSON.stringify({
  serviceEndpoint: { host: '10.0.0.1', port: 80 },
  additionalEndpoints: {},
  status: 'ALIVE',
});

/** A server with four services, of which one can be registered anew. */
const SERVERS = {
  async consul() {
    const real = await startConsul();
    const register = async (name: string): Promise<void> => {
      const Service = { ID: name, Service: name, Address: '10.0.0.1', Port: 80 };
      await real.request('PUT', '/v1/catalog/register', { Node: 'elsewhere', Address: '10.0.0.9', Service });
    };
    return { real, register, entry: { kind: 'consul', address: real.address } };
  },
  async zookeeper() {
    const real = await startZooKeeper();
    const register = (name: string): Promise<void> => real.put(`/discovery/${name}/member_0000000001`, MEMBER);
    const entry = { kind: 'zookeeper', servers: real.address, paths: ['/discovery/*'], sessionSeconds: 2 };
    return { real, register, entry };
  },
};

for (const [kind, start] of Object.entries(SERVERS))
  test(`${kind}: a server that comes back without its data takes no service away at once, and that is told`, async t => {
    t.timeout(60_000);
    const { real, register, entry } = await start();
    await using _real = real;
    for (const name of NAMES) await register(name);
    await using watched = watch({ entry });
    await watched.until('the first list', status => status.synced);
    t.is(watched.followed.status().services, NAMES.length);
    await real.kill();
    await watched.until('the loss', status => status.staleSinceMs !== undefined);
    rmSync(join(real.folder, 'data'), { recursive: true });
    await real.start();
    await watched.until('the return', status => status.staleSinceMs === undefined);
    const told = ({ problems }: ReturnType<typeof watched.followed.status>): string | undefined =>
      problems.find(({ where }) => where === 'the list of services')?.why;
    t.regex(told(watched.followed.status()) ?? '', /^it lacked 4 of 4 services at once/);
    for (const name of NAMES) t.deepEqual(watched.of(name), ['10.0.0.1:80']);
    for (const name of NAMES) await register(name);
    await watched.until('all are listed anew', status => told(status) === undefined);
    t.is(watched.followed.status().services, NAMES.length);
  });

test('consul: services that a restored snapshot lacks do not go at once, and that is told', async t => {
  t.timeout(60_000);
  const { real, register } = await SERVERS.consul();
  await using _real = real;
  const snapshot = `http://${real.address}/v1/snapshot`;
  const before = await (await fetch(snapshot)).arrayBuffer();
  for (const name of NAMES) await register(name);
  // A blocking query does not notice a restore before its wait is over.
  await using watched = watch({ entry: { kind: 'consul', address: real.address, waitSeconds: 2 } });
  await watched.until('the first list', status => status.synced);
  t.is((await fetch(snapshot, { method: 'PUT', body: before })).status, 200);
  await watched.until('doubt', ({ problems }) => problems.some(({ where }) => where === 'the list of services'));
  for (const name of NAMES) t.deepEqual(watched.of(name), ['10.0.0.1:80']);
  await register('a');
  await register('e');
  await watched.until('what comes after it', () => watched.of('e') !== undefined);
  t.is(watched.followed.status().services, NAMES.length + 1);
});
