import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import type { RemovedHost } from '../../manager/api/host-removal.ts';
import type { HostReport, ServiceReport } from '../../manager/api/inspect.ts';
import { makeFolder } from '../folders.ts';
import { joinMesh, startAgent, workloadOf } from './agent.ts';
import { type ManagerProcess, startManagerProcess } from './process.ts';

const SHOP = 'shop.default.mesh';

/** Address and removed host of every instance that callers are not told of. */
async function withheld(manager: ManagerProcess): Promise<readonly string[]> {
  const services = JSON.parse((await manager.isthmus('services', '-o', 'json')).out) as readonly ServiceReport[];
  return services.flatMap(service => service.withheld.map(one => `${one.address} ${one.removedHost}`));
}

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

test('what a registry lists on a removed host never becomes plaintext by itself, also over a restart of the Manager', async t => {
  const folder = makeFolder('removal');
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const listed = ['10.0.0.1', '10.0.0.9'].map(address => ({ address, port: 9080 }));
  const shop = { name: 'shop', ports: [{ number: 80, name: 'http', protocol: 'http' }], instances: listed };
  writeFileSync(join(folder, 'shop.yaml'), stringify({ services: [shop] }));
  const manager = await startManagerProcess(t, { registries: [{ kind: 'file', name: 'list', path: folder }] });
  const workloads = [workloadOf('a', 'shop', { addresses: ['10.0.0.1'] })];
  const setting = { host: 'a', address: '10.0.0.1', workloads };
  const first = await startAgent(t, manager, await manager.token('a'), setting);
  const caller = await startAgent(t, manager, await manager.token('b'), {
    host: 'b',
    address: '10.0.0.2',
    uses: [SHOP],
  });
  const called = (): string =>
    (caller.holdings.get('InstanceList', SHOP)?.instances ?? []).map(one => `${one.address} ${one.reach.kind}`).join();
  const lists: string[] = [];
  await caller.until('both instances', () => called() === '10.0.0.1 mesh,10.0.0.9 direct');

  await first.stop();
  const removed = await manager.isthmus('hosts', 'remove', 'a', '--force');
  t.regex(removed.out, /shop\.default\.mesh is still listed .* it is not called; .*isthmus hosts remove a --direct\n/);
  await caller.until(
    'the instance on the removed host is gone',
    () => lists.push(called()) > 0 && called() === '10.0.0.9 direct',
  );
  t.deepEqual(await withheld(manager), ['10.0.0.1 a']);

  await manager.kill('SIGKILL');
  await manager.start();
  await caller.until('the caller is back', () => lists.push(called()) > 0 && caller.sessions() === 2);
  const mark = { name: 'mark', ports: shop.ports, instances: listed };
  writeFileSync(join(folder, 'mark.yaml'), stringify({ services: [mark] }));
  await caller.until(
    'a later change',
    () => lists.push(called()) > 0 && caller.came.includes('ServiceName mark.default.mesh'),
  );
  t.deepEqual(await withheld(manager), ['10.0.0.1 a', '10.0.0.1 a']);
  t.is(called(), '10.0.0.9 direct');

  const again = await startAgent(t, manager, await manager.token('a'), setting);
  await caller.until(
    'it is back, with mTLS',
    () => lists.push(called()) > 0 && called() === '10.0.0.1 mesh,10.0.0.9 direct',
  );
  t.false(lists.includes('10.0.0.1 direct,10.0.0.9 direct'), 'never in plaintext');

  await again.stop();
  t.is((await manager.isthmus('hosts', 'remove', 'a', '--force')).code, 0);
  await caller.until('it is gone again', () => called() === '10.0.0.9 direct');
  const direct = await manager.isthmus('hosts', 'remove', 'a', '--direct');
  t.regex(direct.out, /^a was removed before\nmark\.default\.mesh is still .* directly now, without mTLS\nshop/);
  await caller.until('it is called as the person said', () => called() === '10.0.0.1 direct,10.0.0.9 direct');
  t.deepEqual(await withheld(manager), []);
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
