import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { stringify } from 'yaml';
import type { RemovedHost } from '../../manager/api/host-removal.ts';
import type { HostReport, ServiceReport } from '../../manager/api/inspect.ts';
import { eventually } from '../eventually.ts';
import { makeFolder } from '../folders.ts';
import { joinMesh, startAgent, type TestAgent, workloadOf } from './agent.ts';
import { type ManagerProcess, startManagerProcess } from './process.ts';

const SHOP = 'shop.default.mesh';

/** Address and removed host of every instance that callers are not told of. */
async function withheld(manager: ManagerProcess): Promise<readonly string[]> {
  const services = JSON.parse((await manager.isthmus('services', '-o', 'json')).out) as readonly ServiceReport[];
  return services.flatMap(service => service.withheld.map(one => `${one.address} ${one.removedHost}`));
}

/** A folder of services that the Manager reads. `list` says that a service is at 10.0.0.1 and 10.0.0.9. */
function registry(t: ExecutionContext): { readonly folder: string; readonly list: (name: string) => void } {
  const folder = makeFolder('removal');
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const instances = ['10.0.0.1', '10.0.0.9'].map(address => ({ address, port: 9080 }));
  const ports = [{ number: 80, name: 'http', protocol: 'http' }];
  return {
    folder,
    list: name => writeFileSync(join(folder, `${name}.yaml`), stringify({ services: [{ name, ports, instances }] })),
  };
}

async function hosts(manager: ManagerProcess): Promise<readonly HostReport[]> {
  const { body } = await manager.ask({ path: '/isthmus/v1/hosts' });
  return (body as { readonly items: readonly HostReport[] }).items;
}

/** Waits until a certificate that is issued now is a later one than those of a time: they tell whole seconds. Mostly it is so already. */
async function laterSecondThan(time: number): Promise<void> {
  const second = (of: number): number => Math.floor(of / 1_000);
  await eventually('the next second', Date.now, now => second(now) > second(time));
}

test('a connected host is removed by force: its streams end, its certificate is refused, its workloads leave; it comes back by a token', async t => {
  const manager = await startManagerProcess(t);
  const workloads = [workloadOf('a', 'shop', { services: ['shop'], addresses: ['10.0.0.1'] })];
  const lost = await startAgent(t, manager, await manager.token('a'), { workloads });
  const joined = Date.now();
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

  await laterSecondThan(joined);
  const back = await startAgent(t, manager, spare, { workloads });
  await other.until('the service is back', () => other.came.at(-1) === `InstanceList ${SHOP}`);
  t.true(back.status().connected);
  await lost.until('the old certificate is refused still', () => /joined anew/.test(lost.status().reason ?? ''));
  t.is(lost.sessions(), 1);
});

/** A mesh in which a registry lists `shop` twice: on host "a", whose agent ends, and where no agent is. */
async function listedTwice(t: ExecutionContext) {
  const { folder, list } = registry(t);
  list('shop');
  const manager = await startManagerProcess(t, { registries: [{ kind: 'file', name: 'list', path: folder }] });
  const workloads = [workloadOf('a', 'shop', { addresses: ['10.0.0.1'] })];
  const join = async (): Promise<TestAgent> =>
    startAgent(t, manager, await manager.token('a'), { host: 'a', address: '10.0.0.1', workloads });
  const first = await join();
  const setting = { host: 'b', address: '10.0.0.2', uses: [SHOP] };
  const caller = await startAgent(t, manager, await manager.token('b'), setting);
  /** All that the caller was ever told. */
  const told = new Set<string>();
  const look = (): string => {
    const instances = caller.holdings.get('InstanceList', SHOP)?.instances ?? [];
    const now = instances.map(({ address, reach }) => `${address} ${reach.kind}`).join();
    told.add(now);
    return now;
  };
  const until = (expected: string): Promise<void> => caller.until(expected, () => look() === expected);
  await until('10.0.0.1 mesh,10.0.0.9 direct');
  await first.stop();
  return { manager, caller, list, join, told, look, until };
}

test('what a registry lists on a removed host never becomes plaintext by itself, also over a restart of the Manager', async t => {
  const { manager, caller, list, join, told, look, until } = await listedTwice(t);
  const removed = await manager.isthmus('hosts', 'remove', 'a', '--force');
  t.regex(removed.out, /shop\.default\.mesh is still listed .* it is not called; .*isthmus hosts remove a --direct\n/);
  await until('10.0.0.9 direct');
  t.deepEqual(await withheld(manager), ['10.0.0.1 a']);

  await manager.kill('SIGKILL');
  await manager.start();
  list('mark');
  await caller.until('a later change', () => look() !== '' && caller.came.includes('ServiceName mark.default.mesh'));
  t.deepEqual(await withheld(manager), ['10.0.0.1 a', '10.0.0.1 a']);
  await until('10.0.0.9 direct');

  await join();
  await until('10.0.0.1 mesh,10.0.0.9 direct');
  t.deepEqual(
    [...told].filter(list => list.includes('10.0.0.1 direct')),
    [],
  );
});

test('a person has what is listed on a removed host called directly, then or later', async t => {
  const { manager, join, until } = await listedTwice(t);
  t.is((await manager.isthmus('hosts', 'remove', 'a', '--force')).code, 0);
  await until('10.0.0.9 direct');
  const later = await manager.isthmus('hosts', 'remove', 'a', '--direct');
  t.regex(later.out, /^a was removed before\nshop\.default\.mesh is still .* directly now, without mTLS\n$/);
  await until('10.0.0.1 direct,10.0.0.9 direct');
  t.deepEqual(await withheld(manager), []);
  t.is((await manager.isthmus('hosts', 'remove', 'a', '--direct')).code, 1);

  const again = await join();
  await until('10.0.0.1 mesh,10.0.0.9 direct');
  await again.stop();
  const atOnce = await manager.isthmus('hosts', 'remove', 'a', '--force', '--direct');
  t.regex(
    atOnce.out,
    /^a removed, with a\/default\/shop\nshop\.default\.mesh is still .* directly now, without mTLS\n/,
  );
  await until('10.0.0.1 direct,10.0.0.9 direct');
});

test('a host that joined and was never heard of is listed, and can be removed', async t => {
  const manager = await startManagerProcess(t);
  await joinMesh(manager, await manager.token('a'));
  t.deepEqual(
    (await hosts(manager)).map(({ name, lease }) => [name, lease.state]),
    [['a', 'none']],
  );
  t.regex((await manager.isthmus('status')).out, /Host a: joined \d+s ago and never heard of/);
  t.is((await manager.isthmus('hosts', 'remove', 'a')).code, 0);
  const again = await manager.isthmus('hosts', 'remove', 'a');
  t.is(again.code, 1);
  t.regex(again.err, /There is no host "a"\nTry: isthmus hosts\n/);
});
