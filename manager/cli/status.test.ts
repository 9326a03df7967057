import test from 'ava';
import { startApi } from '../api/fixture.ts';
import type { Instance } from '../model/instance.ts';
import { HOST, INSPECT, SERVICE } from './fixture.ts';
import { ok, ROUTES, RULE, run } from './fixture-run.ts';

test('status --check fails when something is wrong, and only then', async t => {
  t.is((await run(await startApi(t, { inspect: INSPECT }), 'status --check')).code, 1);
  const well = await startApi(t, {
    inspect: { services: () => [{ ...SERVICE, instances: SERVICE.instances.slice(0, 1) }] },
  });
  await ok(t, well, 'apply -f -', RULE);
  const { out } = await ok(t, well, 'status --check');
  t.regex(out, /^Services +1, with 1 instance: 1 healthy, 1 behind an agent\n.*\nConfig +1 object\n\n.*\n$/m);
  t.notRegex(out, /Wrong/);
});

for (const [when, daysLeft, said, code] of [
  ['long before', 365, undefined, 0],
  [
    'soon before',
    3,
    /^ {2}The CA ends at .*; give the Manager a new CA in manager\.yaml, and have the hosts that stay away join anew$/m,
    1,
  ],
  ['after', -1, /^ {2}The CA ended at .*: no certificate is given any more; give the Manager a new CA/m, 1],
] as const)
  test(`the status ${when} the end of the CA`, async t => {
    const manager = () => ({
      version: '0',
      startedAt: 0,
      trustDomain: 'x',
      pid: 7,
      caEnds: Date.now() + daysLeft * 86_400_000,
    });
    const result = await run(await startApi(t, { inspect: { manager } }), 'status --check');
    t.is(result.code, code);
    if (said) t.regex(result.out, said);
    else t.notRegex(result.out, /CA/);
  });

const WELL = { services: () => [{ ...SERVICE, instances: SERVICE.instances.slice(0, 1) }] };

const POLICY = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: later}
spec: {selector: {matchLabels: {app: later}}, mtls: {mode: STRICT}}
`;

const CHECKED: readonly [string, string, 'Wrong' | 'Note', RegExp][] = [
  ['a route to a subset that nobody defines', ROUTES, 'Wrong', /subset: "v1" is not defined/],
  [
    'a rule whose service is not known yet',
    RULE.replace('host: reviews', 'host: later'),
    'Note',
    /no service "later" is known/,
  ],
  ['a policy whose workload is not known yet', POLICY, 'Note', /no workload that is known carries app=later/],
];

for (const [what, config, heading, said] of CHECKED)
  test(`status --check of ${what}: ${heading}`, async t => {
    const api = await startApi(t, { inspect: WELL });
    await ok(t, api, 'apply -f -', config);
    const { code, out } = await run(api, 'status --check');
    t.is(code, heading === 'Wrong' ? 1 : 0);
    const [, found, lines = ''] = /\n(Wrong|Note):\n([\s\S]*)$/.exec(out) ?? [];
    t.is(found, heading, out);
    t.regex(lines, said);
  });

test('what the Manager refused since it started is a note: nothing is wrong now', async t => {
  const api = await startApi(t, { inspect: { ...WELL, refusals: INSPECT.refusals! } });
  t.regex((await ok(t, api, 'status --check')).out, /\n\nNote:\n {2}The Manager refused 3× token-used/);
});

test('what many hosts say alike, or are, is one line', async t => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const unreached = { resource: 'host at 10.0.0.3:15008', reason: 'cannot be reached', origins: [] };
  const hosts = names.map(name => ({ ...HOST, name, rejections: [unreached], envoyConnected: false }));
  const [first, second, ...others] = hosts;
  const lost = [first!, second!].map(host => ({
    ...host,
    lease: { ...host.lease, state: 'lapsed' as const, lastHeard: 0 },
  }));
  const api = await startApi(t, { inspect: { ...WELL, hosts: () => [...lost, ...others] } });
  const { out } = await run(api, 'status');
  const line = 'a, b and 5 more: host at 10.0.0.3:15008: cannot be reached';
  t.regex(out, /^ {2}Hosts a, b: last heard of \d+d ago; instances there are called only where there are no others$/m);
  t.regex(out, /^ {2}Hosts c, d, e, f, g: no Envoy is connected$/m);
  t.deepEqual(
    out.split('\n').filter(text => text.includes('15008')),
    [`  ${line}`],
  );
  const listed = (await ok(t, api, 'hosts')).out.split('\n');
  t.deepEqual(
    listed.filter(text => text.includes('cannot')),
    [line],
  );
});

test('services that a registry lists on one removed host are one line', async t => {
  const [{ reach: _, ...instance }] = SERVICE.instances as [Instance];
  const withheld = [1, 2].map(id => ({ ...instance, id: `zk/${id}`, removedHost: 'b', workload: 'b/default/w' }));
  const services = ['r', 's', 't', 'u', 'v', 'w'].map(name => ({
    ...SERVICE,
    hostname: `${name}.default.mesh`,
    withheld,
  }));
  const { out } = await run(await startApi(t, { inspect: { services: () => services } }), 'status');
  const lines = out.split('\n').filter(line => line.includes('removed'));
  t.is(lines.length, 1);
  t.regex(
    lines[0]!,
    /^ {2}r\.default\.mesh, s\.default\.mesh and 4 more are listed on host b, which was removed, and are not called there; /,
  );
});

test('a service on many hosts has a line that can be read', async t => {
  const [instance] = SERVICE.instances as [Instance];
  const instances = Array.from({ length: 1_000 }, (_, index) => ({
    ...instance,
    id: `consul/${index}`,
    reach: { ...instance.reach, host: `h${index}` } as Instance['reach'],
  }));
  const api = await startApi(t, { inspect: { services: () => [{ ...SERVICE, instances }] } });
  t.regex((await ok(t, api, 'services')).out, / 1000\/1000 +consul 1000 +h0 1, h1 1 and 998 more +240/);
});

test('an IPv6 address is told from the port that follows it', async t => {
  const instances = SERVICE.instances.map(instance => ({ ...instance, address: 'fd00::1' }));
  const inspect = { services: () => [{ ...SERVICE, instances }], hosts: () => [{ ...HOST, address: 'fd00::1' }] };
  const api = await startApi(t, { inspect });
  t.regex((await ok(t, api, 'hosts')).out, / \[fd00::1\]:15008 /);
  t.regex((await ok(t, api, 'services reviews')).out, / \[fd00::1\]:9080 /);
});
