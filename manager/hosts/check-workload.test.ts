import test from 'ava';
import type { ReportedWorkload } from '../model/proto/messages.ts';
import { checkWorkload } from './check-workload.ts';

const WORKLOAD: ReportedWorkload = {
  uid: 'a/default/web',
  name: 'web',
  namespace: 'default',
  serviceAccount: 'web',
  labels: {},
  addresses: ['10.0.0.1'],
  ports: [{ number: 80, name: 'http', protocol: 'http' }],
  platform: 'linux',
  services: ['web'],
  health: 'healthy',
  policyRevision: '',
};

const port = (number: number): Partial<ReportedWorkload> => ({ ports: [{ number, name: 'p', protocol: 'tcp' }] });

const CASES: readonly [what: string, change: Partial<ReportedWorkload>, reason: RegExp | undefined][] = [
  ['its own', {}, undefined],
  ['a uid of another host', { uid: 'b/default/web' }, /uid must be/],
  ['a name that is no label', { uid: 'a/default/w.b', name: 'w.b' }, /lower-case/],
  ['a namespace that is no label', { uid: 'a/d.x/web', namespace: 'd.x' }, /lower-case/],
  ['a service account that is none', { serviceAccount: 'web" or "x' }, /cannot be a service account/],
  ['a service account that its token does not allow', { serviceAccount: 'root' }, /may not be default\/root/],
  ['port 0', port(0), /ports are 1 to 65535/],
  ['port 65536', port(65_536), /ports are 1 to 65535/],
  ['half a port', port(80.5), /ports are 1 to 65535/],
  ['ports 1 and 65535', { ports: [1, 65_535].flatMap(number => port(number).ports!) }, undefined],
  [
    'a name of a port without end',
    { ports: [{ number: 80, name: 'p'.repeat(64), protocol: 'tcp' }] },
    /port 80 is longer/,
  ],
  ['an address that is none', { addresses: ['nowhere'] }, /no IP address/],
  ['the address of another host', { addresses: ['10.0.0.9'] }, /address of host "b"/],
  ['a service of a namespace that its token does not name', { services: ['web.bank'] }, /namespace "bank"/],
  ['a service that is no label', { services: ['web', 'w_b'] }, /"w_b" cannot be a service/],
  ['a service of a namespace that is no label', { services: ['web.a.b'] }, /"web\.a\.b" cannot be a service/],
  ['as many services as it may have', { services: Array.from({ length: 32 }, (_, index) => `s${index}`) }, undefined],
  ['services without end', { services: Array.from({ length: 33 }, (_, index) => `s${index}`) }, /may have 32 services/],
  [
    'labels without end',
    { labels: Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`l${n}`, ''])) },
    /128 labels/,
  ],
  ['a label as long as it may be', { labels: { app: 'x'.repeat(1_021) } }, undefined],
  ['a label without end', { labels: { app: 'x'.repeat(2_000) } }, /"app" is longer than 1024/],
];

const MEMBER = { name: 'a', joinedAt: 0, token: 't' };

for (const [what, change, reason] of CASES)
  test(`a host may ${reason ? 'not ' : ''}report a workload with ${what}`, t => {
    const member = { ...MEMBER, identities: ['default/web', 'd*/web*'] };
    const why = checkWorkload({ ...WORKLOAD, ...change }, member, address =>
      address === '10.0.0.9' ? 'b' : undefined,
    );
    if (reason) t.regex(why ?? '', reason);
    else t.is(why, undefined);
  });
