import test from 'ava';
import type { MeshStatus } from '../../manager/api/mesh-status.ts';
import { eventually } from '../eventually.ts';
import { freePorts } from '../ports.ts';
import { startProxy } from '../real/proxy.ts';
import { joinMesh, speak, startAgent, workloadOf } from './agent.ts';
import { startManager, type TestManager } from './manager.ts';

const NAMES = ['one', 'two', 'three'];
const hostnameOf = (name: string): string => `${name}.default.mesh`;

async function statusOf(manager: TestManager): Promise<MeshStatus> {
  return (await manager.ask({ path: '/isthmus/v1/status' })).body as MeshStatus;
}

/** A host `b` with a service for each name, and a host `a` that uses them all. Both reach the Manager through proxies. */
async function setUp(t: Parameters<typeof startManager>[0]) {
  const manager = await startManager(t);
  const [near, far] = [await startProxy(manager.agents), await startProxy(manager.agents)];
  t.teardown(() => Promise.all([near[Symbol.asyncDispose](), far[Symbol.asyncDispose]()]));
  const workloads = NAMES.map(name => workloadOf('b', name, { services: [name], addresses: ['10.0.0.2'] }));
  const server = await startAgent(t, { agents: far.address }, (await manager.token({ host: 'b' })).token, {
    host: 'b',
    address: '10.0.0.2',
    workloads: workloads.map((one, index) => ({
      ...one,
      ports: [{ number: 9080 + index, name: 'http', protocol: 'http' }],
    })),
  });
  const user = await startAgent(t, { agents: near.address }, (await manager.token()).token, {
    uses: NAMES.map(hostnameOf),
    workloads: [workloadOf('a', 'web')],
  });
  const instances = (name: string): number | undefined =>
    user.holdings.get('InstanceList', hostnameOf(name))?.instances.length;
  await user.until('all services', () => NAMES.every(name => instances(name) === 1));
  return { manager, near, far, server, user };
}

test('after a break a host is sent what changed meanwhile, and nothing else', async t => {
  const { near, server, user } = await setUp(t);
  near.refuse();
  t.is(user.breaks(), 0);
  await user.until('the break is noticed', () => !user.status().connected);
  t.true(user.breaks() > 0);
  const before = user.came.length;
  const [one, two] = server.facts.workloads!;
  server.facts = { ...server.facts, workloads: [one!, { ...two!, labels: { version: 'v2' } }] };
  const reported = server.ack()!.sequence;
  server.link.report();
  await server.until('the change is with the Manager', () => server.ack()!.sequence > reported + 1);
  near.mend();
  await user.until('the line is back', () => user.sessions() === 2);
  user.link.subscribe('ServiceView', ['nowhere.default.mesh']);
  await user.until('all is said', () => user.came.includes(`-ServiceName ${hostnameOf('three')}`));
  await user.until('the views too', () => user.came.slice(before).length >= 4);
  t.deepEqual(user.came.slice(before).sort(), [
    `-InstanceList ${hostnameOf('three')}`,
    `-ServiceName ${hostnameOf('three')}`,
    `-ServiceView ${hostnameOf('three')}`,
    `InstanceList ${hostnameOf('two')}`,
  ]);
});

test('a host that falls silent counts as lost when its lease ends; it notices by itself, and its return mends that', async t => {
  const { manager, far, server, user } = await setUp(t);
  const start = performance.now();
  far.silence();
  const health = (name: string): string | undefined =>
    user.holdings.get('InstanceList', hostnameOf(name))?.instances[0]?.health;
  await user.until('its instances are the last choice', () => NAMES.every(name => health(name) === 'unhealthy'));
  const tookMs = performance.now() - start;
  t.true(tookMs > 6_000 && tookMs < 13_000, `${tookMs} ms`);
  t.is((await statusOf(manager)).hosts.find(({ name }) => name === 'b')?.lease.state, 'lapsed');
  t.true(
    user.came.every(name => !name.startsWith('-')),
    'the names stay',
  );
  await server.until('it notices', () => !server.status().connected);
  far.mend();
  await user.until('its instances are back', () => NAMES.every(name => health(name) === 'healthy'));
  t.is((await statusOf(manager)).hosts.find(({ name }) => name === 'b')?.lease.state, 'held');
});

test('a session that ends takes its connection along: an agent ends at once, and nothing comes of it any more', async t => {
  const manager = await startManager(t);
  await using proxy = await startProxy(manager.agents);
  const identity = await joinMesh(manager, (await manager.token()).token);
  const agent = speak(t, { ...identity, managers: [proxy.address] }, { host: 'a', address: '10.0.0.1', workloads: [] });
  const connections = (wanted: number): Promise<number> =>
    eventually(
      `${wanted} connections`,
      () => proxy.connections,
      count => count === wanted,
      { timeoutMs: 1_000 },
    );
  await agent.until('a session', () => agent.sessions() === 1);
  agent.link.useIdentity({ ...identity, managers: [proxy.address] });
  await agent.until('the next one', () => agent.sessions() === 2);
  await t.notThrowsAsync(connections(1));
  await agent.stop();
  await t.notThrowsAsync(connections(0));
});

test('of several Managers a host takes the next one that is its own: not one that is away, nor one of another mesh', async t => {
  const [own, foreign] = [await startManager(t), await startManager(t)];
  const [free] = await freePorts(1);
  const identity = await joinMesh(own, (await own.token()).token);
  const managers = [`127.0.0.1:${free}`, foreign.agents, own.agents];
  const agent = speak(t, { ...identity, managers }, { host: 'a', address: '10.0.0.1', workloads: [] });
  await agent.until('the last one', () => agent.sessions() === 1);
  t.is(agent.status().address, own.agents);
  const { hosts, refusals } = await statusOf(foreign);
  t.deepEqual([hosts, refusals], [[], []], 'nothing was said to the other');
});

test('why a Manager cannot be talked to is said: nobody listens, or it is another than the host knows', async t => {
  const [own, other] = [await startManager(t), await startManager(t)];
  const identity = await joinMesh(own, (await own.token()).token);
  const reasonAt = async (address: string, fits: RegExp): Promise<void> => {
    const agent = speak(t, { ...identity, managers: [address] }, { host: 'a', address: '10.0.0.1' });
    await agent.until(String(fits), () => fits.test(agent.status().reason ?? ''));
    await agent.stop();
  };
  const [free] = await freePorts(1);
  await reasonAt(`127.0.0.1:${free}`, /cannot be talked to: connect ECONNREFUSED/);
  await reasonAt(
    other.agents,
    /is of a CA that this host does not know .*join anew: isthmus join 127\.0\.0\.1:\d+ --token/,
  );
  t.pass();
});
