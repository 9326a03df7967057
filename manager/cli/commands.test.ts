import { join } from 'node:path';
import test from 'ava';
import { inspectOf, startApi } from '../api/fixture.ts';
import type { ServiceReport } from '../api/inspect.ts';
import type { Instance } from '../model/instance.ts';
import { HOST, INSPECT, SERVICE } from './fixture.ts';
import { ok, ROUTES, RULE, run, write } from './fixture-run.ts';

test('config is applied and deleted; every step says what it did', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const file = write(api, 'mesh.yaml', `${ROUTES}---\n${RULE}`);

  const dry = await ok(t, api, `apply -f ${file} --dry-run`);
  t.is(
    dry.out,
    'destinationrule.networking.istio.io/reviews created (dry run)\nvirtualservice.networking.istio.io/reviews created (dry run)\n',
  );
  t.deepEqual(JSON.parse((await ok(t, api, 'get -o json')).out).items, []);

  const first = await ok(t, api, `apply -f ${file}`);
  t.is(
    first.out,
    'destinationrule.networking.istio.io/reviews created\nvirtualservice.networking.istio.io/reviews created\n',
  );
  t.is(first.err, '');

  const again = await ok(t, api, `apply -f ${file}`);
  t.is(
    again.out,
    'destinationrule.networking.istio.io/reviews unchanged\nvirtualservice.networking.istio.io/reviews unchanged\n',
  );
  t.is(again.err, '');

  t.is(
    (await ok(t, api, 'delete destinationrule reviews')).out,
    'destinationrule.networking.istio.io/reviews deleted\n',
  );
  write(api, 'mesh.yaml', ROUTES);
  t.is((await ok(t, api, `delete -f ${file}`)).out, 'virtualservice.networking.istio.io/reviews deleted\n');
  const gone = await run(api, `delete -f ${file}`);
  t.is(gone.code, 1);
  t.is(gone.err, 'virtualservices.networking.istio.io "reviews" in the namespace "default" is not there\n');
});

test('config is changed, from files and from what was shown', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  await ok(t, api, `apply -f ${write(api, 'mesh.yaml', `${ROUTES}---\n${RULE}`)}`);
  write(api, 'mesh.yaml', ROUTES.replace('weight: 90', 'weight: 80'));
  t.is(
    (await ok(t, api, `apply -f ${join(api.directory, 'files')}`)).out,
    'virtualservice.networking.istio.io/reviews configured\n',
  );
  t.is(JSON.parse((await ok(t, api, 'get vs reviews -o json')).out).spec.http[0].route[0].weight, 80);

  const table = await ok(t, api, 'get');
  t.regex(
    table.out,
    /^KIND +NAMESPACE +NAME +SAYS +AGE\nVirtualService +default +reviews +reviews → reviews\/v1 80, reviews\/v2 10 +\d+s\nDestinationRule /,
  );

  const yaml = await ok(t, api, 'get vs/reviews -o yaml');
  t.is(
    (await ok(t, api, 'apply -f -', yaml.out.replace('weight: 80', 'weight: 70'))).out,
    'virtualservice.networking.istio.io/reviews configured\n',
  );
});

test('the objects that files name are shown as the Manager holds them, in the order of the files', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const both = write(api, 'both.yaml', `${RULE}---\n${ROUTES}`);
  await ok(t, api, `apply -f ${both}`);
  await ok(t, api, 'apply -f -', RULE.replace('name: reviews', 'name: other').replace('host: reviews', 'host: other'));
  t.regex(
    (await ok(t, api, `get -f ${both}`)).out,
    /^KIND.*\nDestinationRule +default +reviews .*\nVirtualService .*\n$/,
  );
  const list = JSON.parse((await ok(t, api, `get -f ${both} -o json`)).out);
  t.is(list.kind, 'List');
  t.deepEqual(
    list.items.map(({ kind }: { kind: string }) => kind),
    ['DestinationRule', 'VirtualService'],
  );

  const changed = ROUTES.replace('weight: 90', 'weight: 80').replace('weight: 10', 'weight: 20');
  const one = JSON.parse((await ok(t, api, 'get -f - -o json', changed)).out);
  t.is(one.spec.http[0].route[0].weight, 90, 'what is in force, not what the file says');
  const yaml = (await ok(t, api, `get -f ${both} -o yaml`)).out;
  t.is((await ok(t, api, 'apply -f -', yaml)).out.match(/ unchanged\n/g)?.length, 2, yaml);
});

test('of the objects that files name, those that are not there are said, and the others shown', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const both = write(api, 'both.yaml', `${RULE}---\n${ROUTES}---\n${ROUTES.replace('weight: 90', 'wieght: 90')}`);
  await ok(t, api, 'apply -f -', RULE);
  const { code, out, err } = await run(api, `get -f ${both} -o json`);
  t.is(code, 1);
  t.deepEqual(
    JSON.parse(out).items.map(({ kind }: { kind: string }) => kind),
    ['DestinationRule'],
  );
  t.regex(err, /both\.yaml:\d+:\d+: .*wieght: is not a field here/);
  t.regex(err, /virtualservices\.networking\.istio\.io "reviews" in the namespace "default" is not there/);
  const elsewhere = await run(api, 'get -f - -n shop', RULE);
  t.is(elsewhere.code, 1);
  t.is(elsewhere.out, '');
  t.is(elsewhere.err, 'destinationrules.networking.istio.io "reviews" in the namespace "shop" is not there\n');
});

test('of a file with a bad document, the good one is applied and the bad one named by its line', async t => {
  const api = await startApi(t);
  const file = write(api, 'mixed.yaml', `${ROUTES.replace('weight: 90', 'wieght: 90')}---\n${RULE}`);
  const { code, out, err } = await run(api, `apply -f ${file}`);
  t.is(code, 1);
  t.is(out, 'destinationrule.networking.istio.io/reviews created\n');
  t.is(err.split('\n')[0], `${file}:9:11: spec.http[0].route[0].wieght: is not a field here; did you mean "weight"?`);
  t.is(err.split('\n')[1], `${file}:17:3: warning: spec.host: no service "reviews" is known`);
});

test('a dry run does not warn of what is stored and would change', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const { err } = await ok(t, api, 'apply -f -', `${RULE}---\n${ROUTES.replace('subset: v2', 'subset: v9')}`);
  t.regex(err, /"v9" is not defined/);
  const dry = await ok(t, api, 'apply -f - --dry-run', ROUTES);
  t.is(dry.out, 'virtualservice.networking.istio.io/reviews configured (dry run)\n');
  t.is(dry.err, '');
});

test('an object with more to warn of than a client takes in headers is applied, and some of it said', async t => {
  const api = await startApi(t);
  const routes = Array.from(
    { length: 300 },
    (_, index) => `  - match: [{uri: {prefix: /p${index}}}]\n    route: [{destination: {host: no-such-${index}}}]\n`,
  );
  const text = `${ROUTES.slice(0, ROUTES.indexOf('  http:'))}  http:\n${routes.join('')}`;
  const { out, err } = await ok(t, api, 'apply -f -', text);
  t.is(out, 'virtualservice.networking.istio.io/reviews created\n');
  t.regex(err, /no service "no-such-1" is known/);
  t.regex(err, /warning: and \d+ more; see: isthmus status\n$/);
});

test('what the Manager refuses is named by its line too', async t => {
  const api = await startApi(t);
  const file = write(
    api,
    'old.yaml',
    RULE.replace('metadata: {name: reviews}', 'metadata: {name: reviews, resourceVersion: "7"}'),
  );
  const { code, err } = await run(api, `apply -f ${file}`);
  t.is(code, 1);
  t.regex(
    err,
    /old\.yaml:1:1: destinationrules\.networking\.istio\.io "reviews" in the namespace "default" is not there/,
  );
});

const shown: readonly [string, RegExp][] = [
  [
    'services',
    /^SERVICE +NAMESPACE +PORTS +HEALTHY +REGISTRIES +HOSTS +ADDRESS\nreviews +default +9080\/http +1\/2 +consul 1, zk 1 +a 1, no agent 1 +240\.240\.0\.1\n$/,
  ],
  [
    'services reviews',
    /consul\/r1 +consul +10\.0\.0\.1:9080 +a +healthy +1 +eu\/eu-1 +version=v1\nzk\/r2 +zk +10\.0\.0\.2:9081 +no agent +unhealthy +1 +eu\/eu-1 +version=v2\n$/,
  ],
  ['services reviews.service.consul', /consul\/r1/],
  ['services -n other', /^No registry lists a service in the namespace "other"\. Try: isthmus services\n$/],
  ['workloads -n none', /^No host has reported a workload in the namespace "none"\. Try: isthmus workloads\n$/],
  [
    'hosts',
    /a +10\.0\.0\.1:15008 +held +\d+s ago +0\.1\.0 +1\.40\.0 +1 +2 +2\na: out\/9080 \(from VirtualService default\/reviews\): no such filter\na: certificate of/,
  ],
  [
    'workloads',
    /reviews +default +a +default\/reviews +9080 +reviews\.default\.mesh +healthy +not yet in force\na\/default\/reviews: certificate of a\/default\/reviews: no\nTry: on a: isthmus agent status\n$/,
  ],
  [
    'status',
    /Services +1, with 2 instances: 1 healthy, 1 behind an agent\nHosts +1 of 1 with 1 workload\nConfig +0 objects\n[\s\S]*zk +zookeeper +stale +never.*\n\nWrong:\n {2}Registry zk is stale: connection refused\n {2}Registry zk: \/reviews\/member_3: is no JSON\n {2}a: out\/9080.*\n {2}a: certificate.*\n\nNote:\n {2}The Manager refused 3× token-used, last \d+s ago to 10\.0\.0\.9: the join token was used by host b\n$/,
  ],
];

for (const [line, expected] of shown)
  test(`isthmus ${line}`, async t => {
    const api = await startApi(t, { inspect: INSPECT });
    t.regex((await ok(t, api, line)).out, expected);
  });

test('JSON of services says which registry gave which instance', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  t.deepEqual(JSON.parse((await ok(t, api, 'services -o json')).out), [SERVICE]);
  t.deepEqual(JSON.parse((await ok(t, api, 'services reviews -o json')).out), SERVICE);
});

test('a host is removed; what a person should know of it is said', async t => {
  const removal = {
    remove: async (name: string, direct: boolean) => ({
      name,
      already: name === 'b',
      direct,
      workloads: ['a/default/reviews'],
      stillListed: ['reviews.default.mesh'],
      tokens: ['t9'],
      certificatesEnd: 86_400_000,
    }),
  };
  const api = await startApi(t, { inspect: INSPECT, removal });
  t.is(
    (await ok(t, api, 'hosts remove a --force')).out,
    `a removed, with a/default/reviews
reviews.default.mesh is still listed there by a registry: it is not called; take it out of the registry, have a join again, or, to have it called without mTLS: isthmus hosts remove a --direct
The join token t9 names it and is still good. Try: isthmus token revoke t9
Other hosts accept the certificates of its workloads until they end, 1970-01-02T00:00:00.000Z at the latest
`,
  );
  t.is(
    (await ok(t, api, 'hosts remove b --direct')).out,
    `b was removed before
reviews.default.mesh is still listed there by a registry: callers dial it directly now, without mTLS
The join token t9 names it and is still good. Try: isthmus token revoke t9
`,
  );
});

test('a subset that is routed to and that no instance carries is told by apply, and by status for as long', async t => {
  const services: ServiceReport[] = [{ ...SERVICE, instances: SERVICE.instances.slice(0, 1) }];
  const api = await startApi(t, { inspect: { services: () => services } });
  const { err } = await ok(t, api, 'apply -f -', `${RULE}---\n${ROUTES}`);
  t.regex(err, /^stdin:\d+:\d+: warning: .*subset: "v2" has no instance: none of .* carries version=v2; calls .*\n$/);
  const told = /^ {2}VirtualService default\/reviews: .*"v2" has no instance/m;
  t.regex((await ok(t, api, 'status')).out, told);
  services[0] = SERVICE;
  t.notRegex((await ok(t, api, 'status')).out, told);
});

test('what is listed on a host that is not heard of is shown as not called', async t => {
  const [first] = SERVICE.instances;
  const unheard = [{ ...first!, id: 'consul/r3', reach: { ...first!.reach, host: 'b' } } as Instance];
  const service = { ...SERVICE, instances: SERVICE.instances.slice(0, 1), unheard };
  const api = await startApi(t, { inspect: { services: () => [service] } });
  t.regex((await ok(t, api, 'services')).out, / 1\/2 +consul 2 +a 1, b \(not heard of\) 1 /);
  t.regex((await ok(t, api, 'services reviews')).out, /consul\/r3 .* b \(not heard of\) +not called /);
});

test('what is listed on a removed host is shown as not called, and is something wrong', async t => {
  const [, direct] = SERVICE.instances;
  const { reach: _, ...rest } = direct!;
  const withheld = [{ ...rest, removedHost: 'b', workload: 'b/default/reviews' }];
  const service = { ...SERVICE, instances: SERVICE.instances.slice(0, 1), withheld };
  const api = await startApi(t, { inspect: { services: () => [service] } });
  t.regex((await ok(t, api, 'services')).out, / 1\/2 +consul 1, zk 1 +a 1, b \(removed\) 1 /);
  t.regex((await ok(t, api, 'services reviews')).out, /zk\/r2 .* b \(removed\) +not called /);
  t.regex(
    (await ok(t, api, 'status')).out,
    /^ {2}reviews\.default\.mesh is listed on host b, which was removed, and is not called there; .* isthmus hosts remove b --direct$/m,
  );
  t.is((await run(api, 'status --check')).code, 1);
});

test('a workload whose host was lost is not shown as healthy', async t => {
  const hosts = [{ ...HOST, lease: { ...HOST.lease, state: 'lapsed' as const } }];
  const api = await startApi(t, { inspect: { ...INSPECT, hosts: () => hosts } });
  t.regex((await ok(t, api, 'workloads')).out, /^reviews .* host lost +not yet in force$/m);
});

const STARTED = Date.now() - 5_000;
const LEASE = { expires: Date.now() + 10_000 };
for (const [what, host, said, code] of [
  [
    'not heard of since is not said to lack its Envoy',
    { lease: { ...LEASE, state: 'held', lastHeard: STARTED - 9_000 }, envoyConnected: false },
    /^Hosts +1 of 1 with 1 workload; 1 not heard of yet since this Manager started\n(?!.*Wrong)/m,
    0,
  ],
  [
    'heard of is said to lack its Envoy',
    { lease: { ...LEASE, state: 'held', lastHeard: STARTED + 1_000 }, envoyConnected: false },
    /^Hosts +1 of 1 with 1 workload\n[\s\S]*Host a: no Envoy is connected/m,
    1,
  ],
] as const)
  test(`after a start of the Manager, a host that was ${what}`, async t => {
    const manager = () => ({ ...inspectOf().manager(), startedAt: STARTED });
    const hosts = () => [{ ...HOST, ...host, rejections: [] }];
    const result = await run(await startApi(t, { inspect: { hosts, manager } }), 'status --check');
    t.is(result.code, code, result.out);
    t.regex(result.out, said);
  });

test('tokens are made, listed without their secret, and taken back', async t => {
  const api = await startApi(t);
  t.is(
    (await ok(t, api, 'token create --identity default/* --identity shop/web --host vm-7 --ttl 10m')).out,
    'secret-of-t1\n',
  );
  const listed = await ok(t, api, 'token list -o json');
  t.deepEqual(JSON.parse(listed.out), [
    { id: 't1', host: 'vm-7', identities: ['default/*', 'shop/web'], createdAt: 0, expiresAt: 600_000 },
  ]);
  t.false(listed.out.includes('secret'));
  t.is((await ok(t, api, 'token revoke t1')).out, 't1 revoked\n');
  t.is((await run(api, 'token revoke t1')).code, 1);
});

test('a token that a host used is not taken back: its host is named, and the record stays', async t => {
  const api = await startApi(t);
  await ok(t, api, 'token create --identity default/* --host joined');
  const { code, out, err } = await run(api, 'token revoke t1');
  t.is(code, 1);
  t.is(out, '');
  t.is(err, 'Token "t1" was used by joined already; take the host out with: isthmus hosts remove joined\n');
  t.regex((await ok(t, api, 'token list')).out, /^t1 .* used by joined$/m);
});

const refused: readonly [string, number, RegExp][] = [
  ['get gateways', 2, /"gateways" is no kind of config\. There are virtualservices, /],
  ['get virtualservces', 2, /did you mean "virtualservices"\?/],
  ['get vs nothing', 1, /"nothing" in the namespace "default" is not there/],
  ['get vs -f x.yaml', 2, /Name a kind, or files with -f, not both/],
  ['get -f /nowhere/x.yaml', 1, /Cannot read \/nowhere\/x\.yaml: ENOENT/],
  ['delete vs/a b', 2, /^"b" is one word too many\n/],
  ['delete vs/', 2, /^"" is no name of an object; lower-case letters/],
  ['get vs ..', 2, /^"\.\." is no name of an object/],
  ['get vs -n ..', 2, /^"\.\." is no namespace; lower-case letters, digits and "-", at most 63\n/],
  ['delete vs a -n Shop', 2, /^"Shop" is no namespace/],
  ['services -n Shop', 2, /^"Shop" is no namespace/],
  ['workloads -n a/b', 2, /^"a\/b" is no namespace/],
  ['validate -f - -n Shop', 2, /^"Shop" is no namespace/],
  ['get vs a b', 2, /"b" is one word too many/],
  ['apply', 2, /-f is missing[\s\S]*Usage: isthmus apply[\s\S]*Try: isthmus apply --help/],
  ['apply -f /nowhere/x.yaml', 1, /Cannot read \/nowhere\/x\.yaml: ENOENT/],
  ['apply --fle x', 2, /Unknown option '--fle'/],
  ['delete vs', 2, /Which virtualservice\? Its name is missing/],
  ['delete', 2, /Name a kind and an object, or files with -f/],
  ['services rviews', 1, /There is no service "rviews"\nTry: isthmus services reviews\n/],
  ['services -o xml', 2, /--output must be one of table, json, yaml, not "xml"/],
  ['hosts remove', 2, /^<name> is missing\nUsage: isthmus hosts remove/],
  [
    'hosts remove a',
    1,
    /^Host "a" is connected: stop its agent first, or remove it all the same with --force\nTry: isthmus agent uninstall, on a; or isthmus hosts remove a --force\n/,
  ],
  ['hosts remove x --force', 1, /There is no host "x"\nTry: isthmus hosts\n/],
  ['token create', 2, /--identity is missing/],
  [
    'token create --identity a/b --identity a*b/x',
    2,
    /^--identity: "a\*b\/x" is no identity; write [\s\S]* a \* stands at the end of either/,
  ],
  [
    'token create --identity default',
    2,
    /^--identity: "default" is no identity; write <namespace>\/.*\nUsage: isthmus token/,
  ],
  [
    'token create --identity a/b --host a..b',
    2,
    /^--host: "a\.\.b" is no host name; lower-case letters, digits.*\nUsage: /,
  ],
  ['token create --identity a/b --ttl 0s', 2, /^--ttl must be from 1s to 720h \(30 days\), not "0s"\nUsage: /],
  ['token create --identity a/b --ttl 721h', 2, /^--ttl must be from 1s to 720h/],
  ['token create --identity a/b --ttl soon', 2, /--ttl must be a duration such as 10m or 1h, not "soon"/],
];

for (const [line, code, expected] of refused)
  test(`refused: isthmus ${line}`, async t => {
    const result = await run(await startApi(t, { inspect: INSPECT }), line);
    t.is(result.code, code, result.err);
    t.regex(result.err, expected);
    t.is(result.out, '');
  });

test('without a Manager, the next thing to try is named', async t => {
  const { code, err } = await run(undefined, 'services');
  t.is(code, 1);
  t.regex(err, /^No Manager runs here: \/nowhere\/manager\.sock is not there\nTry: isthmus up/);
});

test('validate needs no Manager', async t => {
  t.is((await run(undefined, 'validate -f -', `${ROUTES}---\n${RULE}`)).out, '2 objects right\n');
  const alone = await run(undefined, 'validate -f -', ROUTES);
  t.is(alone.code, 0);
  t.regex(alone.err, /^stdin:8:40: warning: spec\.http\[0\]\.route\[0\]\.destination\.subset: "v1" is not defined/);
  const bad = await run(undefined, 'validate -f - -o json', ROUTES.replace('hosts: [reviews]', 'hosts: []'));
  t.is(bad.code, 1);
  t.deepEqual(JSON.parse(bad.out).errors, [
    { path: 'spec.hosts', message: 'is missing', hint: 'name the services that it is for', where: 'stdin:5:3' },
  ]);
});
