import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { NOWHERE } from '../model/locality.ts';
import type { HostReportMessage, ReportedWorkload } from '../model/proto/messages.ts';
import { member, workload } from './fixtures.ts';
import { type HostListener, type HostState, Hosts } from './hosts.ts';
import { LEASE_MS } from './leases.ts';

const ADDRESS = '10.0.0.1';
const DEAF: HostListener = { workloadsChanged: () => undefined, hostArrived: () => undefined };
const hostAt = (name: string): HostState['host'] => ({
  name,
  address: ADDRESS,
  tunnelPort: 15_008,
  network: '',
  locality: NOWHERE,
});
const reportOf = (name: string, workloads: readonly ReportedWorkload[]): HostReportMessage => ({
  sequence: 1,
  host: hostAt(name),
  workloads,
});

test('a host may have 2000 workloads; those after them are refused, and the others stay', t => {
  const hosts = new Hosts({ now: () => 0, sleep: () => Promise.withResolvers<void>().promise }, DEAF);
  const workloads = Array.from({ length: 2_002 }, (_, index) => workload('a', ADDRESS, `w${index}`));
  const { refused } = hosts.report(member('a'), reportOf('a', workloads), ADDRESS);
  t.deepEqual(
    refused,
    ['w2000', 'w2001'].map(name => ({
      resource: `a/default/${name}`,
      reason: 'a host may have 2000 workloads',
      origins: [],
    })),
  );
  t.deepEqual(
    [...hosts.get('a')!.workloads.keys()],
    workloads.slice(0, 2_000).map(({ uid }) => uid),
  );
});

/** Hosts of which one was alive before the restart; the time of their leases passes when it is told to. */
async function restarted() {
  let now = 1_000;
  const slept = Promise.withResolvers<void>();
  const stop = new AbortController();
  const hosts = new Hosts({ now: () => now, sleep: () => slept.promise }, DEAF);
  const workloads = new Map([['a/default/web', workload('a', ADDRESS)]]);
  const status = { status: undefined, refused: [], alive: true, proven: false, lastHeard: 0 };
  hosts.restore('a', { host: hostAt('a'), workloads, ...status });
  const running = hosts.run(stop.signal);
  const lapse = (): void => {
    now += LEASE_MS;
    slept.resolve();
  };
  const end = async (): Promise<void> => {
    stop.abort();
    slept.resolve();
    await running;
  };
  return { hosts, lapse, [Symbol.asyncDispose]: end };
}

type Restarted = Awaited<ReturnType<typeof restarted>>;

const ENDS: readonly [what: string, happens: (at: Restarted) => void, isHeard: boolean][] = [
  ['names its workloads', ({ hosts }) => hosts.report(member('a'), reportOf('a', []), ADDRESS), true],
  [
    'says that it is there, and not yet what runs on it',
    ({ hosts }) => hosts.report(member('a'), { sequence: 1 }, ADDRESS),
    false,
  ],
  ['is lost', ({ lapse }) => lapse(), true],
  ['is removed', ({ hosts }) => hosts.remove('a'), true],
  ['loses its address to another', ({ hosts }) => hosts.report(member('b'), reportOf('b', []), ADDRESS), true],
];

for (const [what, happens, isHeard] of ENDS)
  test(`a restarted Manager waits ${isHeard ? 'until' : 'on when'} a host ${what}`, async t => {
    await using at = await restarted();
    let heard = false;
    void at.hosts.heard().then(() => {
      heard = true;
    });
    await turn();
    t.false(heard);
    happens(at);
    await turn();
    t.is(heard, isHeard);
  });
