import test from 'ava';
import { readService } from './service.ts';

const READING = { domain: 'consul', ignoreSources: ['isthmus'] };
const NODE = { Node: 'n1', Address: '10.0.0.1' };

function entry(service: Record<string, unknown>, ...statuses: string[]): Record<string, unknown> {
  return {
    Node: NODE,
    Service: { ID: 'web-1', Service: 'web', Address: '', Port: 8080, Weights: { Passing: 10, Warning: 2 }, ...service },
    Checks: statuses.map(Status => ({ Status })),
  };
}

test('an instance with all it may say', t => {
  const said = {
    Address: '10.1.1.1',
    Tags: ['version=v1', 'canary', 'k=a=b'],
    Meta: { version: 'v2', 'isthmus-network': 'east', 'isthmus-port': '80', 'isthmus-protocol': 'grpc' },
    Locality: { Region: 'eu', Zone: 'eu-1' },
  };
  t.deepEqual(readService('web', [entry(said, 'passing')], READING), {
    name: 'web',
    aliases: ['web.service.consul'],
    ports: [{ number: 80, name: 'grpc', protocol: 'grpc' }],
    labels: {},
    instances: [
      {
        id: 'n1/web-1',
        address: '10.1.1.1',
        ports: [{ number: 8080 }],
        weight: 10,
        labels: { canary: 'true', k: 'a=b', ...said.Meta },
        locality: { region: 'eu', zone: 'eu-1', subzone: '' },
        network: 'east',
        health: 'healthy',
      },
    ],
    problems: [],
  });
});

for (const [statuses, health, weight] of [
  [[], 'healthy', 10],
  [['passing', 'passing'], 'healthy', 10],
  [['passing', 'warning'], 'healthy', 2],
  [['warning', 'critical'], 'unhealthy', 10],
  [['maintenance'], 'unhealthy', 10],
] as const)
  test(`checks ${JSON.stringify(statuses)} make it ${health} with weight ${weight}`, t => {
    const [instance] = readService('web', [entry({}, ...statuses)], READING).instances;
    t.like(instance, { health, weight, address: '10.0.0.1' });
  });

const PLACES: readonly [service: object, node: object, zone: string | undefined][] = [
  [{}, {}, undefined],
  [{}, { Region: 'eu', Zone: 'eu-1' }, 'eu/eu-1'],
  [{ Region: 'us', Zone: 'us-1' }, { Region: 'eu', Zone: 'eu-1' }, 'us/us-1'],
  [{ Region: 'eu' }, {}, 'eu/'],
];
for (const [service, node, place] of PLACES)
  test(`an instance at ${JSON.stringify(service)} of a node at ${JSON.stringify(node)} is at ${place}`, t => {
    const known = { ...entry({ Locality: service }), Node: { ...NODE, Locality: node } };
    const { locality } = readService('web', [known], READING).instances[0]!;
    t.is(locality && `${locality.region}/${locality.zone}`, place);
  });

test('a weight may be 0, and one that is none is 1; a name in capitals is an alias in small ones', t => {
  const weights = [0, 2.5, -1, 'x'].map(Passing => entry({ Weights: { Passing } }));
  const { instances, aliases } = readService('Web', weights, READING);
  t.deepEqual(
    instances.map(({ weight }) => weight),
    [0, 2.5, 1, 1],
  );
  t.deepEqual(aliases, ['web.service.consul']);
});

test("Consul's own proxies and gateways, and what came from us, are no instances", t => {
  const entries = [
    entry({ Kind: 'connect-proxy' }),
    entry({ Kind: 'mesh-gateway' }),
    entry({ Meta: { 'external-source': 'isthmus' } }),
    entry({ ID: 'k', Meta: { 'external-source': 'kubernetes', 'external-k8s-topology-zone': 'z1' } }),
  ];
  const { instances, problems } = readService('web', entries, READING);
  t.deepEqual(
    instances.map(one => [one.id, one.locality?.zone]),
    [['n1/k', 'z1']],
  );
  t.deepEqual(problems, []);
});

test('the newest servers name ports, the default first', t => {
  const Ports = [
    { Name: 'admin', Port: 9090 },
    { Name: 'http', Port: 8081, Default: true },
  ];
  const [instance] = readService('web', [entry({ Ports })], READING).instances;
  t.deepEqual(instance?.ports, [
    { name: 'http', number: 8081 },
    { name: 'admin', number: 9090 },
  ]);
});

for (const [name, service, why] of [
  ['no port', { Port: 0 }, 'has the port 0; register it with one from 1 to 65535'],
  ['no protocol of ours', { Meta: { 'isthmus-protocol': 'smtp' } }, /has isthmus-protocol "smtp"/],
  ['no number for a port', { Meta: { 'isthmus-port': 'x' } }, /has the port null/],
  ['an address that is none', { Address: 'a b' }, /has the address "a b"/],
  ['an address that lacks a number', { Address: '10.99.0' }, /has the address "10.99.0"; it must be an IP address or/],
] as const)
  test(`an instance with ${name} is left out and named, and its fellows stay`, t => {
    const { instances, problems } = readService('web', [entry({ ID: 'bad', ...service }), entry({})], READING);
    t.deepEqual(
      instances.map(one => one.id),
      ['n1/web-1'],
    );
    t.is(problems[0]?.where, 'service "web", instance n1/bad');
    if (typeof why === 'string') t.is(problems[0]?.why, why);
    else t.regex(problems[0]!.why, why);
  });

test('an answer that is no list ends the session instead of emptying the service', t => {
  t.throws(() => readService('web', { error: 'x' }, READING), { message: /must be a list/ });
});
