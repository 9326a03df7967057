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

test('a workload that changes into what is refused is as it was, with the policy in force now, as long as it may be that', t => {
  const hosts = new Hosts({ now: () => 0, sleep: () => Promise.withResolvers<void>().promise }, DEAF);
  const good = { ...workload('a', ADDRESS, 'web'), services: ['web'] };
  const bad = { ...good, services: ['web', 'web.other'], policyRevision: 'r2' };
  const of = (identities: readonly string[]) => ({ ...member('a'), identities });
  const report = (one: ReportedWorkload, by = of(['default/*'])) => hosts.report(by, reportOf('a', [one]), ADDRESS);
  t.is(report(bad).refused.length, 1);
  t.is(hosts.get('a')!.workloads.size, 0);
  t.deepEqual(report(good).refused, []);
  for (let turn = 0; turn < 2; turn += 1) {
    t.regex(report(bad).refused[0]!.reason, /not register services in namespace "other"; what it was before stays$/);
    t.deepEqual([...hosts.get('a')!.workloads.values()], [{ ...good, policyRevision: 'r2' }]);
  }
  t.regex(report(bad, of(['default/else'])).refused[0]!.reason, /its join token allowed default\/else$/);
  t.is(hosts.get('a')!.workloads.size, 0);
});

const REGISTERED: readonly [what: string, ports: number, allowed: number, reason: RegExp][] = [
  ['2000 services', 1, 100, /may register 2000 services/],
  ['services with 20000 ports', 20, 50, /may have 20000 ports in all/],
];

for (const [what, ports, allowed, reason] of REGISTERED)
  test(`the workloads of a host may register ${what}; those after them are refused, and the others stay`, t => {
    const hosts = new Hosts({ now: () => 0, sleep: () => Promise.withResolvers<void>().promise }, DEAF);
    const workloads = Array.from({ length: allowed + 1 }, (_, index) => ({
      ...workload('a', ADDRESS, `w${index}`),
      ports: Array.from({ length: ports }, (_, port) => ({
        number: port + 1,
        name: `p${port}`,
        protocol: 'tcp' as const,
      })),
      services: Array.from({ length: 20 }, (_, service) => `s${index}x${service}`),
    }));
    const { refused } = hosts.report(member('a'), reportOf('a', workloads), ADDRESS);
    t.deepEqual(
      refused.map(({ resource }) => resource),
      [`a/default/w${allowed}`],
    );
    t.regex(refused[0]!.reason, reason);
    t.is(hosts.get('a')!.workloads.size, allowed);
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

/** What a listener hears: hosts that arrived, and uids of workloads, without what is the same in all. */
function listening() {
  const heard: string[] = [];
  let now = 1_000;
  let wake = (): void => undefined;
  const stop = new AbortController();
  const hosts = new Hosts(
    { now: () => now, sleep: () => new Promise<void>(resolve => (wake = resolve)) },
    {
      workloadsChanged: (host, uids) =>
        heard.push(
          `${host}: ${[...uids]
            .map(uid => uid.slice(10))
            .sort()
            .join()}`,
        ),
      hostArrived: ({ host: { name, network } }) => heard.push(`${name} arrived in "${network}"`),
    },
  );
  const running = hosts.run(stop.signal);
  return {
    hosts,
    heard: () => heard.splice(0),
    async pass(ms: number) {
      await turn();
      now += ms;
      wake();
      await turn();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake();
      await running;
    },
  };
}

const WEB = workload('a', ADDRESS, 'web');
const API = workload('a', ADDRESS, 'api');
const STATUS = { rejections: [], startedAt: 1, agentVersion: '1', envoyVersion: '1', envoyConnected: true };

test('what changed about a host is told, and nothing else', async t => {
  await using at = listening();
  const { hosts, heard } = at;
  const report = (message: Partial<HostReportMessage>, observed = '192.0.2.1') =>
    hosts.report(member('a'), { sequence: 7, ...message }, observed);
  t.throws(() => report({ workloads: [WEB] }), { code: 'message-invalid' }, 'it must name the host first');
  t.deepEqual(heard(), []);
  t.deepEqual(report({ host: hostAt('another') }), {
    sequence: 7,
    leaseMs: LEASE_MS,
    observedAddress: '192.0.2.1',
    refused: [],
  });
  t.deepEqual(heard(), ['a arrived in ""'], 'under the name of its certificate');
  report({ workloads: [WEB, API] });
  t.deepEqual(heard(), ['a: api,web']);
  report({});
  report({ host: hostAt('a'), workloads: [{ ...WEB }, { ...API }], status: STATUS });
  report({});
  t.deepEqual(heard(), [], 'nothing is new');
  t.deepEqual(hosts.get('a')?.status, STATUS);
  report({ workloads: [{ ...WEB, labels: { version: 'v2' } }, API] });
  t.deepEqual(heard(), ['a: web']);
  report({ workloads: [{ ...WEB, labels: { version: 'v2' } }] });
  t.deepEqual(heard(), ['a: api'], 'one went');
  report({}, ADDRESS);
  t.deepEqual(heard(), ['a arrived in ""'], 'its address is proven');
  report({ host: { ...hostAt('a'), network: 'east' } }, ADDRESS);
  t.deepEqual(heard(), ['a arrived in "east"', 'a: web']);
  await at.pass(LEASE_MS);
  t.deepEqual(heard(), ['a: web'], 'it is lost');
  t.is(hosts.leaseEnd('a'), undefined);
  t.false(hosts.get('a')?.alive);
  report({}, ADDRESS);
  t.deepEqual(heard(), ['a: web'], 'it is back');
  hosts.remove('a');
  t.deepEqual(heard(), ['a: web'], 'it is removed');
  t.is(hosts.get('a'), undefined);
  t.is(hosts.leaseEnd('a'), undefined);
  await at.pass(LEASE_MS);
  hosts.remove('a');
  t.deepEqual(heard(), []);
});

test('what was known of a host before a restart is told; an address that is none is what it is seen at', async t => {
  await using at = listening();
  const { hosts, heard } = at;
  const more = { status: undefined, refused: [], proven: false, lastHeard: 0 };
  hosts.restore('a', { host: hostAt('a'), workloads: new Map([[WEB.uid, WEB]]), alive: false, ...more });
  t.deepEqual(heard(), ['a arrived in ""', 'a: web']);
  t.is(hosts.leaseEnd('a'), undefined);
  await hosts.heard();
  hosts.report(member('a'), { sequence: 1, host: { ...hostAt('a'), address: 'nowhere' } }, '192.0.2.1');
  t.is(hosts.get('a')?.host.address, '192.0.2.1');
  t.true(hosts.get('a')?.proven);
  t.throws(() => hosts.report(member('a'), { sequence: 2, host: { ...hostAt('a'), tunnelPort: 0 } }, ADDRESS), {
    code: 'message-invalid',
  });
});

test('a host whose machines are two is told of until it is removed', async t => {
  await using at = listening();
  const { hosts } = at;
  for (const startedAt of [2, 1, 2, 1])
    hosts.report(member('a'), { sequence: 1, host: hostAt('a'), status: { ...STATUS, startedAt } }, ADDRESS);
  t.is(hosts.doubled('a')?.resource, 'host a');
  hosts.remove('a');
  t.is(hosts.doubled('a'), undefined);
});
