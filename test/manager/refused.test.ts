import test, { type ExecutionContext } from 'ava';
import type { MeshStatus } from '../../manager/api/mesh-status.ts';
import type { ServiceView } from '../../manager/model/host-view.ts';
import { eventually } from '../eventually.ts';
import { startAgent, type TestAgent, workloadOf } from './agent.ts';
import { startManager, type TestManager } from './manager.ts';

const HOSTNAME = { cart: 'cart.default.mesh', shop: 'shop.default.mesh' };

async function setRoute(t: ExecutionContext, manager: TestManager, service: string, timeout: string): Promise<void> {
  const answer = await manager.ask({
    method: 'PATCH',
    path: `/apis/networking.istio.io/v1/namespaces/default/virtualservices/${service}?fieldManager=test`,
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: service, namespace: 'default' },
      spec: { hosts: [service], http: [{ timeout, route: [{ destination: { host: service } }] }] },
    },
  });
  t.true(answer.status < 300, JSON.stringify(answer.body));
}

async function rejections(manager: TestManager): Promise<MeshStatus['rejections']> {
  return ((await manager.ask({ path: '/isthmus/v1/status' })).body as MeshStatus).rejections;
}

const timeoutsOf = (agent: TestAgent, hostname: string): unknown[] =>
  agent.holdings
    .get('ServiceView', hostname)
    ?.virtualServices.flatMap(({ spec }) => spec.http.map(({ timeoutMs }) => timeoutMs)) ?? [];

test('a resource that an agent cannot read is shown with the config in it, the others go on, and the next good one mends it', async t => {
  const manager = await startManager(t);
  const services = Object.values(HOSTNAME);
  const workloads = [workloadOf('a', 'web', { services: ['cart', 'shop'] })];
  const refuses = (_: string, value: unknown): string | undefined =>
    (value as Partial<ServiceView>).virtualServices?.some(({ spec }) => spec.http[0]?.timeoutMs === 7_000)
      ? 'seven seconds are not for me'
      : undefined;
  const agent = await startAgent(t, manager, (await manager.token()).token, { workloads, uses: services, refuses });
  await agent.until('both services', () => services.every(name => agent.came.includes(`ServiceView ${name}`)));
  await setRoute(t, manager, 'cart', '5s');
  await agent.until('the first route', () => timeoutsOf(agent, HOSTNAME.cart)[0] === 5_000);

  await setRoute(t, manager, 'cart', '7s');
  await setRoute(t, manager, 'shop', '3s');
  await agent.until('the route of the other', () => timeoutsOf(agent, HOSTNAME.shop)[0] === 3_000);
  t.deepEqual(timeoutsOf(agent, HOSTNAME.cart), [5_000], 'what it had stays');
  const shown = await eventually(
    'the refusal, which the agent sends once it has read all that came with it',
    () => rejections(manager),
    list => list.length > 0,
  );
  t.deepEqual(shown, [
    {
      host: 'a',
      resource: 'ServiceView/cart.default.mesh',
      reason: 'the agent cannot read it: seven seconds are not for me',
      origins: ['VirtualService default/cart'],
    },
  ]);
  await setRoute(t, manager, 'cart', '8s');
  await agent.until('the next route', () => timeoutsOf(agent, HOSTNAME.cart)[0] === 8_000);
  await eventually(
    'no refusal any more',
    () => rejections(manager),
    list => list.length === 0,
  );
});

test('what the Envoy of a host refuses is shown with the config that it came from, until the host reports that it is mended', async t => {
  const manager = await startManager(t);
  const agent = await startAgent(t, manager, (await manager.token()).token, { workloads: [] });
  const refused = { resource: 'out/9080', reason: 'no such filter', origins: ['VirtualService default/cart'] };
  const report = async (list: readonly (typeof refused)[]): Promise<void> => {
    const before = agent.ack()?.sequence ?? 0;
    agent.facts = { ...agent.facts, status: { ...agent.facts.status, rejections: list } };
    agent.link.report();
    await agent.until('an acknowledgement', () => (agent.ack()?.sequence ?? 0) > before);
  };
  await agent.until('the line', () => agent.status().connected && agent.ack() !== undefined);
  await report([refused]);
  t.deepEqual(await rejections(manager), [{ host: 'a', ...refused }]);
  await report([]);
  t.deepEqual(await rejections(manager), []);
});
