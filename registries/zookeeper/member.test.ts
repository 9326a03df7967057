import test from 'ava';
import { readMember } from './member.ts';
import { readVector, weightOf } from './vector.ts';

const data = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const main = { host: '10.0.0.3', port: 80 };

test('a member as Finagle and Aurora write it', t => {
  const additionalEndpoints = { http: main, admin: { host: '10.0.0.3', port: 9990 } };
  const member = readMember(
    'member_0000000001',
    data({ serviceEndpoint: main, additionalEndpoints, status: 'ALIVE', shard: 0, metadata: { version: 'v2' } }),
  );
  t.deepEqual(member, {
    instance: {
      id: 'member_0000000001',
      address: '10.0.0.3',
      ports: [
        { name: 'http', number: 80 },
        { name: 'admin', number: 9990 },
      ],
      weight: 1,
      labels: { shard: '0', version: 'v2' },
      health: 'healthy',
    },
    shard: 0,
    problems: [],
  });
});

for (const [status, health] of [
  ['ALIVE', 'healthy'],
  ['STOPPING', 'draining'],
  ['STARTING', 'unhealthy'],
  ['STOPPED', 'unhealthy'],
  ['DEAD', 'unhealthy'],
  ['WARNING', 'unhealthy'],
  ['what is that', 'unhealthy'],
  ['constructor', 'unhealthy'],
] as const)
  test(`a member that is ${status} is ${health}`, t => {
    const member = readMember('m', data({ serviceEndpoint: main, additionalEndpoints: {}, status }));
    t.is(member.instance.health, health);
    t.deepEqual(member.instance.ports, [{ number: 80 }]);
  });

test('an endpoint that cannot be used is named, and the member goes on without it', t => {
  const additionalEndpoints = { far: { host: '10.0.0.4', port: 1 }, bad: { host: '10.0.0.3', port: 0 } };
  const { instance, problems } = readMember('m', data({ serviceEndpoint: main, additionalEndpoints }));
  t.deepEqual(instance.ports, [{ number: 80 }]);
  t.deepEqual(problems, [
    'additionalEndpoints.far: is on another host, 10.0.0.4',
    'additionalEndpoints.bad.port: must be a whole number from 1 to 65535, not 0',
  ]);
});

for (const [name, value, message] of [
  ['empty', '', /is empty/],
  ['broken off', '{"serviceEndpoint":', /is not JSON/],
  ['a list', [], /must be a map of fields/],
  ['without an endpoint', { status: 'ALIVE' }, /serviceEndpoint: is missing/],
  ['with an endpoint that is a text', { serviceEndpoint: '10.0.0.3:80' }, /serviceEndpoint: must be a map of fields/],
  ['without a host', { serviceEndpoint: { port: 80 } }, /serviceEndpoint\.host: is missing/],
  ['without a port', { serviceEndpoint: { host: 'a' } }, /serviceEndpoint\.port: is missing/],
  ['with a port too high', { serviceEndpoint: { host: 'a', port: 65536 } }, /serviceEndpoint\.port: .*not 65536/],
  ['with a host that is none', { serviceEndpoint: { host: 'a b', port: 1 } }, /serviceEndpoint\.host: .*"a b"/],
  [
    'with an address that lacks a number',
    { serviceEndpoint: { host: '10.99.0', port: 1 } },
    /serviceEndpoint\.host: .*"10\.99\.0"; an IPv4 address is four numbers/,
  ],
] as const)
  test(`a member ${name} cannot be used`, t => {
    t.throws(() => readMember('m', data(value)), { message });
  });

test('weights of all that select a member are multiplied', t => {
  const member = readMember('member_1', data({ serviceEndpoint: main, additionalEndpoints: {}, shard: 3 }));
  const vector = [
    { select: 'member=member_1', weight: 2, priority: 1 },
    { select: 'inet=10.0.0.3:80', weight: 1.5 },
    { select: 'shard=3', weight: 0.5 },
    { select: 'shard=4', weight: 100 },
    { select: 'member=member_2', weight: 0 },
  ];
  t.is(weightOf(member, readVector(data({ vector }))), 1.5);
  t.is(weightOf(member, []), 1);
});

for (const [vector, message] of [
  ['x', /vector must be a list/],
  [[{ select: 'host=a' }], /vector\[0\]\.select must be/],
  [[{ select: 'shard=1', weight: -1 }], /vector\[0\]\.weight must be a number from 0 on, not -1/],
] as const)
  test(`a vector ${JSON.stringify(vector)} cannot be used`, t => {
    t.throws(() => readVector(data({ vector })), { message });
  });
