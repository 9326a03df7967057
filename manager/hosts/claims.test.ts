import test from 'ava';
import { NOWHERE } from '../model/locality.ts';
import type { Clock } from '../model/util/clock.ts';
import { member, workload } from './fixtures.ts';
import { type HostListener, type HostState, Hosts } from './hosts.ts';

const ADDRESS = '10.0.0.1';
const LISTENER: HostListener = { workloadsChanged: () => undefined, hostArrived: () => undefined };
const clock: Clock = { now: () => 1_000, sleep: () => Promise.withResolvers<void>().promise };

interface Claim {
  readonly address?: string;
  readonly network?: string;
  /** Where its reports come from. */
  readonly from?: string;
}

function report(hosts: Hosts, name: string, { address = ADDRESS, network = '', from = '192.0.2.1' }: Claim): void {
  const host = { name, address, tunnelPort: 15_008, network, locality: NOWHERE };
  hosts.report(member(name), { sequence: 1, host, workloads: [workload(name, address)] }, from);
}

/** A host that was lost before. */
function lost(name: string): HostState {
  const host = { name, address: ADDRESS, tunnelPort: 15_008, network: '', locality: NOWHERE };
  const workloads = new Map([[`${name}/default/web`, workload(name, ADDRESS)]]);
  return { host, workloads, status: undefined, refused: [], alive: false, proven: true, lastHeard: 0 };
}

const CASES: readonly [what: string, first: Claim | 'lost', second: Claim, winner: 'a' | 'b' | 'both'][] = [
  ['the second claim is refused', {}, {}, 'a'],
  ['also written in another way', {}, { address: '::ffff:10.0.0.1' }, 'a'],
  ['also when both come from there', { from: ADDRESS }, { from: ADDRESS }, 'a'],
  ['who comes from there takes it from who does not', {}, { from: ADDRESS }, 'b'],
  ['who does not come from there takes it not even from one that is lost', 'lost', {}, 'a'],
  ['who comes from there takes it from one that is lost', 'lost', { from: ADDRESS }, 'b'],
  ['in another network it is another address', {}, { network: 'other' }, 'both'],
  ['another address is its own', {}, { address: '10.0.0.2' }, 'both'],
];

for (const [what, first, second, winner] of CASES)
  test(`of two hosts that claim one address: ${what}`, t => {
    const changed: string[] = [];
    const hosts = new Hosts(clock, { workloadsChanged: host => changed.push(host), hostArrived: () => undefined });
    if (first === 'lost') hosts.restore('a', lost('a'));
    else report(hosts, 'a', first);
    changed.length = 0;
    const claim = (): void => report(hosts, 'b', second);
    if (winner === 'a') {
      const error = t.throws(claim, { code: 'address-taken' });
      t.regex(error!.message, /host "b" says that it is at 10\.0\.0\.1, which is the address of host "a"/);
      t.deepEqual(hosts.claimed('b')?.origins, ['host b', 'host a']);
      t.is(hosts.get('b'), undefined);
      t.is(hosts.get('a')?.workloads.size, 1);
      return;
    }
    claim();
    t.is(hosts.claimed('b'), undefined);
    t.is(hosts.get('b')?.workloads.size, 1);
    t.is(hosts.get('a')?.workloads.size, winner === 'b' ? 0 : 1);
    t.is(changed.includes('a'), winner === 'b');
    if (winner === 'b')
      t.throws(() => hosts.report(member('a'), { sequence: 2 }, '192.0.2.1'), { code: 'address-taken' });
  });

test('an address is free once its host says another, or is removed; the next one holds it then', t => {
  const hosts = new Hosts(clock, LISTENER);
  report(hosts, 'a', {});
  report(hosts, 'a', { address: '10.0.0.9' });
  report(hosts, 'b', {});
  t.throws(() => report(hosts, 'a', {}), { code: 'address-taken' });
  hosts.remove('b');
  report(hosts, 'a', {});
  t.is(hosts.get('a')?.host.address, ADDRESS);
  t.is(hosts.claimed('a'), undefined);
  hosts.remove('a');
  report(hosts, 'a', {});
  t.throws(() => report(hosts, 'b', {}), { code: 'address-taken' });
});

test('a claim in vain is told of until it was not made for 30 s, or its host is removed', t => {
  let now = 1_000;
  const hosts = new Hosts({ ...clock, now: () => now }, LISTENER);
  report(hosts, 'a', {});
  const claim = (): void => void t.throws(() => report(hosts, 'b', {}), { code: 'address-taken' });
  claim();
  now += 29_999;
  t.is(hosts.claimed('b')?.resource, `address ${ADDRESS}`);
  now += 1;
  t.is(hosts.claimed('b'), undefined);
  claim();
  hosts.remove('b');
  t.is(hosts.claimed('b'), undefined);
});
