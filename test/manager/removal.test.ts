import test from 'ava';
import type { RemovedHost } from '../../manager/api/host-removal.ts';
import type { HostReport } from '../../manager/api/inspect.ts';
import { joinMesh, startAgent, workloadOf } from './agent.ts';
import { type ManagerProcess, startManagerProcess } from './process.ts';

const SHOP = 'shop.default.mesh';

async function hosts(manager: ManagerProcess): Promise<readonly HostReport[]> {
  const { body } = await manager.ask({ path: '/isthmus/v1/hosts' });
  return (body as { readonly items: readonly HostReport[] }).items;
}

/** Certificates say when they were issued in whole seconds. */
async function nextSecond(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 1_000 - (Date.now() % 1_000)));
}

test('a connected host is removed by force: its streams end, its certificate is refused, its workloads leave; it comes back by a token', async t => {
  const manager = await startManagerProcess(t);
  const workloads = [workloadOf('a', 'shop', { services: ['shop'], addresses: ['10.0.0.1'] })];
  const lost = await startAgent(t, manager, await manager.token('a'), { workloads });
  const setting = { host: 'b', address: '10.0.0.2', uses: [SHOP] };
  const other = await startAgent(t, manager, await manager.token('b'), {
    ...setting,
    workloads: [workloadOf('b', 'web')],
  });
  await other.until('the instance of a', () => other.holdings.get('InstanceList', SHOP)?.instances.length === 1);

  const refused = await manager.isthmus('hosts', 'remove', 'a');
  t.is(refused.code, 1);
  t.regex(refused.err, /Host "a" is connected[\s\S]*Try: .*isthmus hosts remove a --force/);
  t.true(lost.status().connected);

  const spare = await manager.token('a');
  const removed = await manager.isthmus('hosts', 'remove', 'a', '--force', '-o', 'json');
  t.is(removed.code, 0, removed.err);
  const answer = JSON.parse(removed.out) as RemovedHost;
  t.deepEqual([answer.workloads, answer.stillListed, answer.tokens.length], [['a/default/shop'], [], 1]);
  await other.until('the service went', () => other.came.includes(`-ServiceName ${SHOP}`));
  await lost.until('a is told why', () => /was removed; to join it anew/.test(lost.status().reason ?? ''));
  t.deepEqual(
    (await hosts(manager)).map(({ name }) => name),
    ['b'],
  );

  await manager.kill('SIGKILL');
  await manager.start();
  await other.until('the other host is back', () => other.sessions() === 2);
  t.deepEqual(
    (await hosts(manager)).map(({ name }) => name),
    ['b'],
    'it stays removed',
  );

  await nextSecond();
  const back = await startAgent(t, manager, spare, { workloads });
  await other.until('the service is back', () => other.came.at(-1) === `InstanceList ${SHOP}`);
  t.true(back.status().connected);
  await lost.until('the old certificate is refused still', () => /joined anew/.test(lost.status().reason ?? ''));
  t.is(lost.sessions(), 1);
});

test('a host that joined and was never heard of is listed, and can be removed', async t => {
  const manager = await startManagerProcess(t);
  await joinMesh(manager, await manager.token('a'));
  t.deepEqual(
    (await hosts(manager)).map(({ name, lease }) => [name, lease.state]),
    [['a', 'none']],
  );
  t.regex((await manager.isthmus('status')).out, /Host a joined \d+s ago and was never heard of/);
  t.is((await manager.isthmus('hosts', 'remove', 'a')).code, 0);
  const again = await manager.isthmus('hosts', 'remove', 'a');
  t.is(again.code, 1);
  t.regex(again.err, /There is no host "a"\nTry: isthmus hosts\n/);
});
