import test from 'ava';
import type { RegistryInstance, RegistryPort } from '../../registries/registry.ts';
import type { ServicePort } from '../model/service.ts';
import { mergeSources, type Source } from './merge.ts';
import { inferPorts, targetPorts } from './ports.ts';

const REF = { namespace: 'default', name: 'reviews' };
const HTTP: ServicePort = { number: 80, name: 'http', protocol: 'http' };
const METRICS: ServicePort = { number: 9090, name: 'metrics', protocol: 'tcp' };

let last = 0;
function at(...ports: RegistryPort[]): RegistryInstance {
  last += 1;
  return { id: `i${last}`, address: `10.0.0.${last}`, ports, weight: 1, labels: {}, health: 'healthy' };
}

function source(registry: string, service: Partial<Source['service']>): Source {
  return {
    registry,
    key: 'reviews',
    service: { ...REF, aliases: [], labels: {}, instances: [], problems: [], ...service },
  };
}

const INFERRED: Record<string, readonly [RegistryInstance[], ServicePort[], problems: number]> = {
  'one number for all': [
    [at({ number: 9080 }), at({ number: 9080 })],
    [{ number: 9080, name: 'http', protocol: 'http' }],
    0,
  ],
  'the number that most have': [
    [at({ number: 31_002 }), at({ number: 31_001 }), at({ number: 31_001 })],
    [{ number: 31_001, name: 'tcp', protocol: 'tcp' }],
    1,
  ],
  'the lowest of equally many': [
    [at({ number: 31_002 }), at({ number: 31_001 })],
    [{ number: 31_001, name: 'tcp', protocol: 'tcp' }],
    1,
  ],
  'the protocol that a name tells': [
    [at({ name: 'grpc-api', number: 7000 }, { name: 'admin', number: 7001 })],
    [
      { number: 7000, name: 'grpc-api', protocol: 'grpc' },
      { number: 7001, name: 'admin', protocol: 'tcp' },
    ],
    0,
  ],
  'one port under two names, by the first': [
    [at({ name: 'http', number: 9080 }), at({ name: 'web', number: 9080 })],
    [{ number: 9080, name: 'http', protocol: 'http' }],
    0,
  ],
  'several without names': [
    [at({ number: 8080 }, { number: 8081 })],
    [
      { number: 8080, name: 'http', protocol: 'http' },
      { number: 8081, name: 'http-8081', protocol: 'http' },
    ],
    0,
  ],
};

for (const [name, [instances, ports, problems]] of Object.entries(INFERRED))
  test(`ports are inferred: ${name}`, t => {
    const inferred = inferPorts(instances);
    t.deepEqual(inferred.ports, ports);
    t.is(inferred.problems.length, problems);
  });

const TARGETS: Record<string, readonly [ServicePort[], RegistryPort[], Record<string, number>]> = {
  'by name before number': [
    [HTTP],
    [
      { name: 'other', number: 80 },
      { name: 'http', number: 31_000 },
    ],
    { http: 31_000 },
  ],
  'by number': [[HTTP, METRICS], [{ number: 9090 }, { number: 80 }], { http: 80, metrics: 9090 }],
  'the only port is the first': [[HTTP, METRICS], [{ number: 31_000 }], { http: 31_000 }],
  'none fits': [[HTTP], [{ number: 1 }, { number: 2 }], {}],
};

for (const [name, [ports, own, targets]] of Object.entries(TARGETS))
  test(`an instance's ports: ${name}`, t => {
    t.deepEqual(targetPorts(ports, own), targets);
  });

test('two registries make one service: instances of both, ports and labels of the first that states them', t => {
  const [a, b] = [at({ number: 9080 }), at({ name: 'http', number: 31_000 })];
  const { service, drafts, problems } = mergeSources(REF, [
    source('consul', { aliases: ['reviews.service.consul'], labels: { team: 'x' }, instances: [a] }),
    source('zk', { ports: [{ ...HTTP, number: 9080 }], labels: { team: 'y', tier: '2' }, instances: [b] }),
  ]);
  t.deepEqual(service.sources, ['consul', 'zk']);
  t.deepEqual(service.ports, [{ ...HTTP, number: 9080 }]);
  t.deepEqual(service.labels, { team: 'x', tier: '2' });
  t.deepEqual(service.aliases, ['reviews.service.consul']);
  t.deepEqual(
    drafts.map(({ id, ports }) => [id, ports]),
    [
      [`consul/${a.id}`, { http: 9080 }],
      [`zk/${b.id}`, { http: 31_000 }],
    ],
  );
  t.deepEqual(problems, []);
});

test('an instance that two registries list is one instance', t => {
  const both = at({ number: 9080 });
  const { drafts } = mergeSources(REF, [
    source('consul', { instances: [both] }),
    source('zk', { instances: [{ ...both, id: 'same' }] }),
  ]);
  t.deepEqual(
    drafts.map(({ id }) => id),
    [`consul/${both.id}`],
  );
});

test('what cannot be used is named, and the rest stays', t => {
  const { service, drafts, problems } = mergeSources(REF, [
    source('consul', {
      ports: [HTTP],
      aliases: ['other.default.mesh', 'Fine.Example'],
      instances: [at({ number: 80 })],
    }),
    source('zk', { ports: [METRICS], instances: [at({ number: 1 }, { number: 2 })] }),
  ]);
  t.deepEqual(service.aliases, ['fine.example']);
  t.is(drafts.length, 1);
  t.deepEqual(
    problems.map(({ why }) => /other ports|cannot be an alias|left out/.exec(why)?.[0]),
    ['other ports', 'cannot be an alias', 'left out'],
  );
});

const REGISTERED: Record<string, readonly [RegistryPort[][], ServicePort, number]> = {
  'moves no port that callers dial': [[[{ number: 9080 }], [{ number: 9080 }]], { ...HTTP, number: 9080 }, 1],
  'says what is spoken at it': [[[{ number: 7000 }]], { ...HTTP, number: 7000 }, 0],
  'states the port where those of instances differ': [[[{ number: 31_001 }], [{ number: 31_002 }]], HTTP, 0],
  'states the port of a service that no registry has instances of': [[], HTTP, 0],
};

for (const [what, [listed, port, wrong]] of Object.entries(REGISTERED))
  test(`a host that registers a service of a registry ${what}`, t => {
    const stated = port.number === 9080 ? HTTP : port;
    const { service, drafts, problems } = mergeSources(REF, [
      source('consul', { instances: listed.map(ports => at(...ports)) }),
      source('agent', { ports: [stated], instances: [at({ name: 'http', number: stated.number })] }),
    ]);
    t.deepEqual(service.ports, [port]);
    t.is(drafts.length, listed.length + 1);
    t.is(problems.length, wrong);
  });

test('workloads of one service have ports of their own; one that differs from what a registry states is named', t => {
  const [first, second] = [METRICS, HTTP].map(port =>
    source('agent', { ports: [port], instances: [at({ name: port.name, number: port.number })] }),
  );
  t.deepEqual(mergeSources(REF, [first!, second!]).problems, []);
  const { problems } = mergeSources(REF, [source('zk', { ports: [HTTP] }), first!, second!]);
  t.deepEqual(
    problems.map(({ where }) => where),
    [`agent/${first!.service.instances[0]!.id}`],
  );
});
