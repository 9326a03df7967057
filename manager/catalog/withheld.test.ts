import test, { type ExecutionContext } from 'ava';
import type { HostState } from '../hosts/hosts.ts';
import { NOWHERE } from '../model/locality.ts';
import { silentLogger } from '../model/util/log.ts';
import { temporaryStore } from '../store/fixture.ts';
import { Withheld } from './withheld.ts';

const DAY_MS = 24 * 3_600_000;

/** A host at an address with a workload "shop" that listens at 10.0.0.9 too. */
function hostState(name: string, address: string, { network = '', proven = false } = {}): HostState {
  const shop = {
    uid: `${name}/default/shop`,
    name: 'shop',
    namespace: 'default',
    serviceAccount: 'shop',
    labels: {},
    addresses: [address, '10.0.0.9'],
    ports: [{ number: 9080, name: 'http', protocol: 'http' as const }],
    platform: 'linux',
    services: [],
    health: 'healthy' as const,
    policyRevision: '',
  };
  return {
    host: { name, address, tunnelPort: 15_008, network, locality: NOWHERE },
    workloads: new Map([[shop.uid, shop]]),
    status: undefined,
    refused: [],
    alive: true,
    proven,
    lastHeard: 0,
  };
}

async function begin(t: ExecutionContext) {
  const { store } = temporaryStore(t, 'withheld');
  const time = { now: 1_000_000 };
  const restart = async (): Promise<Withheld> => {
    const withheld = new Withheld(store, () => time.now, silentLogger);
    await withheld.load();
    return withheld;
  };
  return { time, restart, withheld: await restart() };
}

/** Who is withheld at the places of a host at 10.0.0.1. */
function found(withheld: Withheld): readonly (string | undefined)[] {
  return ['10.0.0.1', '10.0.0.9'].map(address => withheld.find('', address, [9080])?.host);
}

test('what the workloads of a removed host listened on is held back, and nothing else', async t => {
  const { withheld } = await begin(t);
  withheld.hold(hostState('a', '10.0.0.1'));
  t.deepEqual(found(withheld), ['a', 'a']);
  t.is(withheld.find('', '10.0.0.1', [80, 9080])?.workload, 'a/default/shop');
  t.is(withheld.find('', '10.0.0.1', [80]), undefined);
  t.is(withheld.find('', '10.0.0.2', [9080]), undefined);
  t.is(withheld.find('east', '10.0.0.1', [9080]), undefined);
});

test('a restart of the Manager forgets nothing', async t => {
  const { withheld, restart } = await begin(t);
  withheld.hold(hostState('a', '10.0.0.1'));
  withheld.hold(hostState('b', '10.0.0.1', { network: 'east' }));
  await withheld.flush();
  const again = await restart();
  t.deepEqual(found(again), ['a', 'a']);
  t.true(again.release('a'));
  await again.flush();
  const third = await restart();
  t.deepEqual(found(third), [undefined, undefined]);
  t.is(third.find('east', '10.0.0.1', [9080])?.host, 'b');
});

test('it ends a day after no registry listed it any more, not before, and not while one does', async t => {
  const { withheld, restart, time } = await begin(t);
  withheld.hold(hostState('a', '10.0.0.1'));
  const { key } = withheld.find('', '10.0.0.1', [9080])!;
  withheld.listed('shop.default.mesh', new Set([key]));
  time.now += 10 * DAY_MS;
  t.deepEqual(found(withheld), ['a', 'a'], 'listed all the time');
  withheld.listed('shop.default.mesh', new Set());
  time.now += DAY_MS;
  t.deepEqual(found(withheld), ['a', 'a'], 'a registration that was gone for a moment');
  withheld.listed('shop.default.mesh', new Set([key]));
  withheld.listed('shop.default.mesh', new Set());
  time.now += DAY_MS + 1;
  t.deepEqual(found(withheld), [undefined, undefined]);
  await withheld.flush();
  t.deepEqual(found(await restart()), [undefined, undefined]);
});

test('a Manager that was away long does not take what is listed for forgotten', async t => {
  const { withheld, restart, time } = await begin(t);
  withheld.hold(hostState('a', '10.0.0.1'));
  withheld.listed('shop.default.mesh', new Set([withheld.find('', '10.0.0.1', [9080])!.key]));
  await withheld.flush();
  time.now += 10 * DAY_MS;
  t.deepEqual(found(await restart()), ['a', 'a']);
});

const arrivals: readonly [what: string, who: HostState, released: boolean][] = [
  ['the same host, where it was', hostState('a', '10.0.0.1'), true],
  ['another whose reports come from there', hostState('b', '10.0.0.1', { proven: true }), true],
  ['another that only says that it is there', hostState('b', '10.0.0.1'), false],
  ['the same name elsewhere', hostState('a', '10.0.0.2', { proven: true }), false],
  ['the same address in another network', hostState('a', '10.0.0.1', { network: 'east', proven: true }), false],
];

for (const [what, who, released] of arrivals)
  test(`a host arrives: ${what}`, async t => {
    const { withheld } = await begin(t);
    const told: string[] = [];
    withheld.connect(endpoints => told.push(...endpoints));
    withheld.hold(hostState('a', '10.0.0.1'));
    withheld.arrived(who);
    t.deepEqual(found(withheld), released ? [undefined, undefined] : ['a', 'a']);
    t.deepEqual(told, released ? ['|10.0.0.1|9080', '|10.0.0.9|9080'] : []);
  });

test('one name that was removed at two addresses is held back at both', async t => {
  const { withheld } = await begin(t);
  withheld.hold(hostState('a', '10.0.0.1'));
  withheld.hold(hostState('a', '10.0.0.2'));
  t.is(withheld.find('', '10.0.0.1', [9080])?.host, 'a');
  t.is(withheld.find('', '10.0.0.2', [9080])?.host, 'a');
  t.true(withheld.release('a'));
  t.deepEqual(found(withheld), [undefined, undefined]);
  t.false(withheld.release('a'));
});
