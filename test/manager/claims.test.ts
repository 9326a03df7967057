import test from 'ava';
import type { MeshStatus } from '../../manager/api/mesh-status.ts';
import { joinMesh, speak, startAgent, type TestAgent, workloadOf } from './agent.ts';
import { startManager } from './manager.ts';

test('a host that claims the address of another is refused; status and agent name both; it is let in once that is mended', async t => {
  const manager = await startManager(t);
  const status = async (): Promise<MeshStatus> =>
    (await manager.ask({ path: '/isthmus/v1/status' })).body as MeshStatus;
  const first = await startAgent(t, manager, (await manager.token()).token, { workloads: [workloadOf('a', 'web')] });
  await first.until('the first host is there', () => first.came.includes('WorkloadPolicy a/default/web'));
  const { token } = await manager.token({ host: 'b' });
  const second = await startAgent(t, manager, token, { host: 'b', address: '10.0.0.1', workloads: [] });
  await second.until('it is told why', () => /which is the address of host "a"/.test(second.status().reason ?? ''));
  const { rejections, refusals, hosts } = await status();
  t.deepEqual(
    rejections.map(({ host, resource, origins }) => [host, resource, origins]),
    [['b', 'address 10.0.0.1', ['host b', 'host a']]],
  );
  t.is(refusals[0]?.reason, 'address-taken');
  t.deepEqual(
    hosts.map(({ name, lease }) => [name, lease.state]),
    [
      ['a', 'held'],
      ['b', 'none'],
    ],
  );
  second.facts = { ...second.facts, host: { ...second.facts.host, address: '10.0.0.2' } };
  await second.until('it is let in', () => second.sessions() === 1);
  t.deepEqual((await status()).rejections, []);
});

test('of two workloads that say they listen at one place, the first is called, and the status names both', async t => {
  const manager = await startManager(t);
  const place = { addresses: ['10.9.9.9'] };
  const workloads = [workloadOf('a', 'web', place), workloadOf('a', 'twin', place)];
  const agent = await startAgent(t, manager, (await manager.token()).token, { workloads });
  await agent.until('both are known', () => agent.came.includes('WorkloadPolicy a/default/twin'));
  const { rejections } = (await manager.ask({ path: '/isthmus/v1/status' })).body as MeshStatus;
  t.deepEqual(
    rejections.map(({ resource, reason }) => [resource, reason.split(';')[0]]),
    [['a/default/twin', 'it listens at 10.9.9.9 port 9080, where workload a/default/web does already and is called']],
  );
});

test('two machines that speak as one host, of a disk that was cloned, are told of with both addresses', async t => {
  const manager = await startManager(t);
  const identity = await joinMesh(manager, (await manager.token()).token);
  const [first, copy] = ['10.0.0.1', '10.0.0.2'].map(address =>
    speak(t, identity, { host: 'a', address, workloads: [] }),
  ) as [TestAgent, TestAgent];
  copy.facts = { ...copy.facts, status: { ...copy.facts.status, startedAt: 2 } };
  await first.until('a few turns', () => first.sessions() > 2 && copy.sessions() > 2);
  const { rejections } = (await manager.ask({ path: '/isthmus/v1/status' })).body as MeshStatus;
  t.is(rejections[0]?.resource, 'host a');
  t.regex(rejections[0]?.reason ?? '', /two agents speak as host "a" by turns, at 10\.0\.0\.[12] and 10\.0\.0\.[12];/);
});

test('when a host joins anew, the line of its older certificate ends at once', async t => {
  const manager = await startManager(t);
  const first = await startAgent(t, manager, (await manager.token()).token, { workloads: [workloadOf('a', 'web')] });
  await first.until('its policy', () => first.came.includes('WorkloadPolicy a/default/web'));
  await joinMesh(manager, (await manager.token()).token);
  await first.until('it is told why', () => /from before host "a" joined anew/.test(first.status().reason ?? ''));
  t.pass();
});
