import test from 'ava';
import { host, workload } from '../compile/fixtures.ts';
import { TYPE } from '../compile/resource.ts';
import type { Rejection } from '../envoy/ads/status.ts';
import type { Member } from '../members.ts';
import { type ReportParts, StatusReport } from './report.ts';

const ON = host('a', '10.0.0.1');
const member = (name: string, state: Member['state']): Member => ({ input: workload(ON, name), identity: name, state });
const REASONS: Readonly<Record<string, string>> = { web: 'the Manager is away', early: 'the Manager is away' };

/** A host where little works. */
function parts(members: readonly Member[]): ReportParts {
  return {
    options: { host: ON, version: '1', envoy: { version: '2', uid: 1337 } } as ReportParts['options'],
    startedAt: 1,
    link: {
      status: () => ({}) as ReturnType<ReportParts['link']['status']>,
      wants: () => new Set(['b', 'a']),
      refused: () => [{ resource: 'a/default/web', reason: 'too many ports', origins: [] }],
    },
    converge: {
      members: () => members,
      captured: () => [],
      inForce: () => new Map(),
      problems: () => [{ origin: 'VirtualService default/vs', message: 'goes nowhere' }],
      capture: () => ({ active: false, reason: 'no right', problems: [{ where: 'workload c', why: 'no address' }] }),
    },
    certificates: { expires: identity => (identity === 'db' ? 7 : undefined), reason: identity => REASONS[identity] },
    ads: { connections: 0, rejections: () => [{ name: 'tunnel', reason: 'bad', origins: ['workload w'] }] as never },
    proxy: { status: () => undefined },
    problems: () => [],
  };
}

const REFUSED = [
  { resource: 'tunnel', reason: 'bad', origins: ['workload w'] },
  { resource: 'VirtualService default/vs', reason: 'goes nowhere', origins: ['VirtualService default/vs'] },
  { resource: 'capture of workload c', reason: 'no address', origins: ['workload c'] },
];
const UNCAPTURED = { resource: 'capture', reason: 'no right', origins: [] };
const UNCERTIFIED = {
  resource: 'certificate of a/default/web',
  reason: 'the Manager is away',
  origins: ['workload a/default/web'],
};

const CASES: readonly [what: string, member: Member, told: readonly object[]][] = [
  ['that waits for its certificate', member('web', 'waiting for certificate'), [UNCERTIFIED]],
  ['that joined, when its certificate is not renewed', member('web', 'joined'), [UNCERTIFIED]],
  ['whose certificate came', member('db', 'joined'), []],
  ['that waits for its policy first', member('early', 'waiting for policy'), []],
];

for (const [what, one, told] of CASES)
  test(`the Manager is told ${told.length > 0 ? 'of' : 'nothing of'} the certificate of a workload ${what}`, t => {
    t.deepEqual(new StatusReport(parts([one])).rejections(), [...REFUSED, ...told, UNCAPTURED]);
  });

test('the status says of each workload why it has no certificate, and until when it has one', t => {
  const report = new StatusReport(parts([member('web', 'waiting for certificate'), member('db', 'joined')]));
  const { workloads, rejections, services } = report.status();
  t.like(workloads[0], { uid: 'a/default/web', certificateReason: 'the Manager is away' });
  t.like(workloads[1], { uid: 'a/default/db', certificateExpires: 7, state: 'waiting for proxy' });
  const origins = ['workload a/default/web'];
  const ofManager = { resource: origins[0]!, reason: 'the Manager refuses it: too many ports', origins };
  t.deepEqual(rejections, [...REFUSED, ofManager]);
  t.deepEqual(services, ['a', 'b']);
});

/** A report of a host on which nothing is wrong but what is given. */
function reportOf(wrong: {
  readonly refused?: readonly Rejection[];
  readonly problems?: ReturnType<ReportParts['problems']>;
  readonly capture?: string;
  readonly dying?: string;
}): StatusReport {
  const { refused = [], problems = [], capture, dying } = wrong;
  return new StatusReport({
    options: { host: { tunnelPort: 15_009 }, envoy: { uid: 1337 } },
    converge: {
      members: () => [],
      captured: () => [],
      problems: () => [],
      capture: () => ({ active: true, ...(capture !== undefined && { reason: capture }), problems: [] }),
    },
    ads: { connections: 1, rejections: () => refused },
    proxy: { status: () => ({ dying }) },
    problems: () => problems,
  } as unknown as ReportParts);
}

const FILE = '/etc/isthmus/workloads.d/x.yaml:3';
const TOLD: readonly [what: string, wrong: Parameters<typeof reportOf>[0], expected: readonly object[]][] = [
  [
    'a file of a workload that cannot be used',
    { problems: [{ where: FILE, why: 'prots: is not a field here' }] },
    [{ resource: FILE, reason: 'prots: is not a field here', origins: [] }],
  ],
  [
    'what is wrong with a workload, with its name',
    { problems: [{ where: 'policy of workload a/default/web', why: '2 connections stand' }] },
    [
      {
        resource: 'policy of workload a/default/web',
        reason: '2 connections stand',
        origins: ['workload a/default/web'],
      },
    ],
  ],
  [
    'why calls are not captured',
    { capture: 'nft: no such file' },
    [{ resource: 'capture', reason: 'nft: no such file', origins: [] }],
  ],
  [
    'that another program has the port of tunnels, without the config of the listener',
    {
      refused: [
        {
          typeUrl: TYPE.listener,
          name: 'tunnel',
          version: '1',
          reason: "cannot bind '0.0.0.0:15009': Address already in use\n",
          origins: ['AuthorizationPolicy default/hello-callers'],
        },
      ],
    },
    [
      {
        resource: 'tunnel',
        reason: `another program listens on 0.0.0.0:15009: see ss -lptn 'sport = :15009'; end it, or set another "tunnelPort" in agent.yaml; it is tried again every 30 s`,
        origins: [],
      },
    ],
  ],
  [
    'that its Envoy dies again and again, while one runs',
    { dying: 'died 3 times' },
    [{ resource: 'Envoy', reason: 'died 3 times', origins: [] }],
  ],
  ['nothing where no workload is yet', { capture: 'no workload is in the mesh yet' }, []],
];

for (const [what, wrong, expected] of TOLD)
  test(`the Manager is told ${what}`, t => {
    t.deepEqual(reportOf(wrong).rejections(), expected);
  });
