import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import {
  authorizationPolicy,
  destinationRule,
  direct,
  host,
  input,
  instance,
  peerAuthentication,
  policyOf,
  port,
  service,
  TRUST_DOMAIN,
  virtualService,
  workload,
} from '../../agent/compile/fixtures.ts';
import type { HostInput, ServiceInput, WorkloadInput } from '../../agent/compile/input.ts';
import type { HttpRoute } from '../../manager/model/config/virtual-service.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { stage } from './fixture.ts';

const A = host('a', '127.0.0.1', await freePort());
const B = host('b', '10.0.0.2');
const OUTBOUND = await freePort();
const INBOUND = await freePort();
const to = (name: string, subset?: string): HttpRoute['route'][number]['destination'] => ({
  host: name,
  ...(subset && { subset }),
});

const remote = workload(B, 'reviews', [port(8080)]);
const web = workload(A, 'web');
const v1 = instance(B, remote, {
  labels: { version: 'v1' },
  weight: 0.5,
  locality: { region: 'eu', zone: 'a', subzone: '' },
});
const v2 = direct('v2', '10.0.0.9', { 'http-8080': 80 }, { labels: { version: 'v2' }, health: 'draining' });
const rules = destinationRule('reviews', {
  trafficPolicy: {
    loadBalancer: { simple: 'RANDOM' },
    outlierDetection: { consecutiveGatewayErrors: 0, minHealthPercent: 30 },
  },
  subsets: [
    { name: 'v1', labels: { version: 'v1' } },
    {
      name: 'v2',
      labels: { version: 'v2' },
      trafficPolicy: {
        outlierDetection: {
          consecutive5xxErrors: 3,
          intervalMs: 1500,
          baseEjectionTimeMs: 400_000,
          maxEjectionPercent: 50,
        },
      },
    },
  ],
});
const routes = virtualService('reviews', [
  {
    name: 'all',
    match: [{ uri: { exact: '/a' }, method: { exact: 'GET' }, authority: { prefix: 'rev' } }],
    route: [{ destination: to('reviews') }],
  },
  {
    match: [{ uri: { regex: '/v[0-9]+/.*' }, headers: { 'x-user': { regex: 'a|b' }, 'x-any': { prefix: '' } } }],
    route: [{ destination: to('reviews', 'v1') }],
    timeoutMs: 1500,
  },
  {
    match: [{ uri: { prefix: '/x' }, ignoreUriCase: true, port: 8080 }, { uri: { prefix: '/y' } }],
    route: [
      { destination: to('reviews', 'v1'), weight: 90 },
      { destination: to('reviews', 'v2'), weight: 10 },
    ],
    retries: { attempts: 2, perTryTimeoutMs: 300, retryOn: '5xx,503' },
  },
  { match: [{ uri: { prefix: '/lost' } }], route: [{ destination: to('nobody') }] },
  {
    match: [{ uri: { prefix: '/half' } }],
    route: [
      { destination: to('nobody'), weight: 1 },
      { destination: to('reviews'), weight: 1 },
    ],
  },
  { match: [], route: [{ destination: to('reviews') }], retries: { attempts: 0 } },
]);

interface Case {
  readonly name: string;
  readonly workloads?: readonly WorkloadInput[];
  readonly services?: readonly ServiceInput[];
  /** How many settings cannot be followed. */
  readonly problems?: number;
}

const strict = policyOf(
  'a/default/web',
  [authorizationPolicy('ALLOW', 'x'), authorizationPolicy('DENY', 'y')],
  [peerAuthentication('STRICT')],
);
const phones = virtualService('reviews', [
  {
    match: [
      { headers: { 'user-agent': { regex: `.*(${'Android|iPhone|iPad|Windows Phone|'.repeat(30)}Opera Mini).*` } } },
    ],
    route: [{ destination: to('reviews') }],
  },
]);

const CASES: readonly Case[] = [
  { name: 'a host with nothing' },
  { name: 'a workload that uses nothing', workloads: [web] },
  {
    name: 'every protocol',
    workloads: [web],
    services: ['http', 'http2', 'grpc', 'tcp', 'tls', 'udp'].map((protocol, index) =>
      service(protocol, index + 1, [port(8000 + index, protocol as 'http')], []),
    ),
  },
  {
    name: 'HTTP and TCP on one port number',
    workloads: [web],
    services: [service('h', 1, [port(80)]), service('t', 2, [port(80, 'tcp')]), service('u', 3, [port(80, 'tls')])],
  },
  {
    name: 'all of VirtualService and DestinationRule',
    workloads: [web],
    services: [service('reviews', 1, [port(8080)], [v1, v2], { virtualServices: [routes], destinationRule: rules })],
    problems: 2,
  },
  {
    name: 'policies',
    workloads: [workload(A, 'web', [port(8080), port(9090, 'tcp'), port(53, 'udp')], { policy: strict })],
  },
  {
    name: 'a long regular expression',
    workloads: [web],
    services: [service('reviews', 1, [port(8080)], [v1], { virtualServices: [phones] })],
  },
  { name: 'a workload without policy yet', workloads: [workload(A, 'web', [port(8080)], { policy: undefined })] },
  {
    name: 'workloads of one port on two addresses',
    workloads: ['127.0.0.2', '127.0.0.3'].map(address => ({
      ...workload(A, `w${address.at(-1)}`, [port(8080)], { addresses: [address] }),
      outboundPort: OUTBOUND + Number(address.at(-1)),
    })),
  },
  {
    name: 'workloads of one port on one address',
    workloads: ['x', 'y'].map((name, index) => ({
      ...workload(A, name, [port(8080)]),
      outboundPort: OUTBOUND + 4 + index,
    })),
    problems: 1,
  },
  {
    name: 'a port that is refused to plaintext, and nothing else',
    workloads: [
      workload(A, 'web', [port(9090, 'tcp')], {
        policy: policyOf('a/default/web', [], [peerAuthentication('STRICT')]),
      }),
    ],
  },
  {
    name: 'two services of one address, HTTP and TCP',
    workloads: [web],
    services: [service('a', 1, [port(80), port(81, 'tcp')]), service('b', 1, [port(80), port(81, 'tcp')])],
    problems: 2,
  },
  {
    name: 'two services of one address, one HTTP and one TCP on one port number',
    workloads: [web],
    services: [service('a', 1, [port(80)]), service('b', 1, [port(80, 'tcp')])],
    problems: 2,
  },
  {
    name: 'a service without addresses or ports',
    workloads: [web],
    services: [
      {
        view: { service: { ...service('n', 1, [port(80)]).view.service, virtualIps: [] }, virtualServices: [] },
        instances: [],
      },
      service('p', 2, []),
    ],
  },
];

function world({ workloads = [], services = [] }: Case): HostInput {
  const placed = workloads.map(each => (each.outboundPort === 20_001 ? { ...each, outboundPort: OUTBOUND } : each));
  const made = input(A, placed, services);
  return { ...made, settings: { ...made.settings, inboundPort: INBOUND, ipv6: false } };
}

test('Envoy takes all that is compiled, one host after the other', async t => {
  await using on = await stage();
  const ads = on.ads();
  await ads.start();
  const ca = authority(TRUST_DOMAIN);
  const identities = ['web', 'w2', 'w3', 'x', 'y'].map(name => `spiffe://${TRUST_DOMAIN}/ns/default/sa/${name}`);
  ads.setSecrets(
    identities.map(identity => certificate(ca, identity)),
    ca.root,
  );
  const envoy = on.envoy();
  await envoy.start(on.life.signal);
  const compiler = new Compiler();
  for (const each of CASES) {
    const { resources, problems } = compiler.compile(world(each));
    ads.update(resources);
    await envoy.ready(AbortSignal.timeout(10_000));
    t.deepEqual(await ads.applied(AbortSignal.timeout(10_000)), [], each.name);
    t.is(problems.length, each.problems ?? 0, `${each.name}: ${JSON.stringify(problems)}`);
  }
});
