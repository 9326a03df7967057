import test from 'ava';
import type { RegistryReport, ServiceReport } from '../../manager/api/inspect.ts';
import { startConsul } from '../real/consul.ts';
import { startAgent, workloadOf } from './agent.ts';
import { type ManagerProcess, startManagerProcess } from './process.ts';

const REVIEWS = 'reviews.default.mesh';

async function items<T>(manager: ManagerProcess, what: string): Promise<readonly T[]> {
  return ((await manager.ask({ path: `/isthmus/v1/${what}` })).body as { readonly items: readonly T[] }).items;
}

test('a Manager that starts while a registry is away goes on with what that said last, until it is back', async t => {
  await using consul = await startConsul();
  await consul.request('PUT', '/v1/agent/service/register', {
    ID: 'r1',
    Name: 'reviews',
    Address: '10.0.0.1',
    Port: 9080,
  });
  const services = { reviews: { ports: [{ name: 'http', number: 9080, protocol: 'http' }] } };
  const manager = await startManagerProcess(t, {
    registries: [{ name: 'vms', kind: 'consul', address: consul.address, services }],
  });
  const workloads = [workloadOf('a', 'reviews', { addresses: ['10.0.0.1'] })];
  const agent = await startAgent(t, manager, await manager.token('a'), { workloads, uses: [REVIEWS] });
  const reach = (): string | undefined => agent.holdings.get('InstanceList', REVIEWS)?.instances[0]?.reach.kind;
  await agent.until('the instance in the mesh', () => reach() === 'mesh');

  await manager.kill('SIGTERM');
  await consul.kill();
  const before = agent.came.length;
  await manager.start();
  await agent.until('the line is back', () => agent.sessions() === 2);
  const [known] = await items<ServiceReport>(manager, 'services');
  t.deepEqual([known?.hostname, known?.instances.length, known?.instances[0]?.reach.kind], [REVIEWS, 1, 'mesh']);
  const [registry] = await items<RegistryReport>(manager, 'registries');
  t.deepEqual([registry?.state, registry?.lastSynced], ['connecting', undefined], 'this Manager never reached it');
  t.regex((await manager.isthmus('status')).out, /Registry vms is connecting: /);
  agent.facts = { ...agent.facts, workloads: [...workloads, workloadOf('a', 'late', { services: ['late'] })] };
  agent.link.report();
  await agent.until('what is not of that registry goes on', () => agent.came.includes('ServiceName late.default.mesh'));
  t.deepEqual(
    agent.came.slice(before).filter(name => name.includes('reviews.default.mesh')),
    [],
    'nobody was told anything of the service',
  );

  await consul.start();
  await consul.request('PUT', '/v1/agent/service/deregister/r1');
  await agent.until('what it lists no more goes', () => agent.came.includes(`-ServiceName ${REVIEWS}`));
  t.is((await items<RegistryReport>(manager, 'registries'))[0]?.state, 'synced');
});
