import test from 'ava';
import type { Health, Instance } from '../model/instance.ts';
import { NOWHERE } from '../model/locality.ts';
import type { Draft } from './merge.ts';
import { type Reached, reachAll, standing } from './reach.ts';
import type { PlacedWorkload } from './workload-index.ts';

const reached = (id: string, heard: boolean): Reached => {
  const instance: Instance = {
    id,
    source: 'file',
    address: '10.0.0.1',
    ports: { http: 80 },
    weight: 1,
    labels: {},
    locality: NOWHERE,
    network: '',
    health: 'healthy',
    reach: { kind: 'direct' },
  };
  return { instance, heard };
};

const cases: readonly [
  what: string,
  input: readonly Reached[],
  expected: readonly string[],
  left?: readonly string[],
][] = [
  ['all are heard of', [reached('a', true), reached('b', true)], ['a healthy', 'b healthy']],
  ['those that are not are left out', [reached('a', false), reached('b', true)], ['b healthy'], ['a']],
  [
    'when none is heard of, all stay as unhealthy',
    [reached('a', false), reached('b', false)],
    ['a unhealthy', 'b unhealthy'],
  ],
  ['none at all', [], []],
];

for (const [what, input, expected, left = []] of cases)
  test(`instances that stand: ${what}`, t => {
    const { instances, unheard } = standing(input);
    t.deepEqual(
      instances.map(({ id, health }) => `${id} ${health}`),
      expected,
    );
    t.deepEqual(
      unheard.map(({ id }) => id),
      left,
    );
  });

const PROTOCOLS = [
  ['http', 'http', false],
  ['grpc', 'http', false],
  ['tls', 'tcp', false],
  ['http', 'tcp', false],
  ['tcp', 'http', true],
] as const;

for (const [ofService, ofWorkload, differs] of PROTOCOLS)
  test(`a port that speaks ${ofWorkload} of a service that speaks ${ofService} is ${differs ? '' : 'not '}told of`, t => {
    const ports = [{ number: 9080, name: 'web', protocol: ofWorkload }];
    const workload = { uid: 'a/default/w', name: 'w', namespace: 'default', labels: {}, ports } as unknown;
    const host = { name: 'a', address: '10.0.0.1', tunnelPort: 15_008, network: '', locality: NOWHERE };
    const placed = { workload, host, alive: true } as PlacedWorkload;
    const instance = { id: 'w', address: '10.0.0.1', ports: [{ number: 9080 }], labels: {}, weight: 1 };
    const draft = { id: 'file/w', source: 'file', instance, ports: { http: 9080 } } as unknown as Draft;
    const mesh = {
      workloads: { get: () => undefined, find: () => placed },
      withheld: { find: () => undefined },
      trustDomain: 'isthmus.mesh',
    };
    // A port of another instance, which this one has not.
    const others = { number: 81, name: 'constructor', protocol: 'http' } as const;
    const called = [{ number: 80, name: 'http', protocol: ofService }, others];
    const { instances, http, problems } = reachAll([draft], called, mesh);
    t.is(instances[0]?.reach.kind, 'mesh');
    t.deepEqual(http, ofService === 'tcp' || ofService === 'tls' ? [] : [{ workload: 'a/default/w', port: 9080 }]);
    t.deepEqual(
      problems.map(({ where }) => where),
      differs ? ['file/w'] : [],
    );
    if (differs)
      t.regex(problems[0]!.why, new RegExp(`port 9080 speaks ${ofWorkload}, and callers speak ${ofService} to it`));
  });

const STATES: readonly [registry: Health, workload: Health | undefined, alive: boolean, said: Health | undefined][] = [
  ['healthy', 'healthy', true, 'healthy'],
  ['draining', 'healthy', true, 'draining'],
  ['draining', 'unhealthy', true, 'unhealthy'],
  ['healthy', 'draining', true, 'draining'],
  ['unhealthy', 'draining', true, 'unhealthy'],
  ['draining', undefined, true, 'draining'],
  ['healthy', 'healthy', false, undefined],
];

for (const [registry, health, alive, said] of STATES)
  test(`${registry} in the registry, ${health ?? 'unknown'} on a host that is ${alive ? '' : 'not '}heard of: ${said ?? 'left out'}`, t => {
    const draftOf = (id: string, address: string): Draft => {
      const instance = { id, address, ports: [], labels: {}, weight: 1, health: registry };
      return { id, source: 'file', instance, ports: {} } as unknown as Draft;
    };
    const host = { name: 'a', address: '10.0.0.1', tunnelPort: 15_008, network: '', locality: NOWHERE };
    const workload = { uid: 'a/default/w', name: 'w', namespace: 'default', labels: {}, ports: [], health };
    const placed = { workload, host, alive } as unknown as PlacedWorkload;
    const mesh = {
      workloads: {
        get: () => undefined,
        find: (_: string, address: string) => (health && address === '10.0.0.1' ? placed : undefined),
      },
      withheld: { find: () => undefined },
      trustDomain: 'isthmus.mesh',
    };
    const { instances } = reachAll([draftOf('w', '10.0.0.1'), draftOf('elsewhere', '10.0.0.2')], [], mesh);
    t.is(instances.find(({ id }) => id === 'w')?.health, said);
    t.is(instances.find(({ id }) => id === 'elsewhere')?.health, registry);
  });

test('an instance in the mesh is reached by the tunnel of its host, and is where that is unless its registry says another place', t => {
  const locality = { region: 'eu', zone: 'eu-1', subzone: '' };
  const host = { name: 'a', address: 'fd00::1', tunnelPort: 15_008, network: 'east', locality };
  const known = { uid: 'a/default/w', name: 'w', namespace: 'default', serviceAccount: 'w', policyRevision: 'r' };
  const workload = { ...known, labels: { app: 'w', version: 'v1' }, ports: [], health: 'healthy' };
  const placed = { workload, host, alive: true } as unknown as PlacedWorkload;
  const made = (more: object): Instance => {
    const instance = {
      id: 'w',
      address: 'fd00::1',
      ports: [],
      labels: { version: 'v2' },
      weight: 3,
      health: 'healthy',
    };
    const draft = { id: 'file/w', source: 'file', instance: { ...instance, ...more }, ports: {} } as unknown as Draft;
    const workloads = { get: () => undefined, find: () => placed };
    const mesh = { workloads, withheld: { find: () => undefined }, trustDomain: 'isthmus.mesh' };
    return reachAll([draft], [], mesh).instances[0]!;
  };
  t.like(made({}), { network: 'east', locality, labels: { app: 'w', version: 'v2' }, weight: 3 });
  t.deepEqual(made({}).reach, {
    kind: 'mesh',
    host: 'a',
    tunnel: '[fd00::1]:15008',
    workload: 'a/default/w',
    identity: 'spiffe://isthmus.mesh/ns/default/sa/w',
    sni: 'w.default.a.mesh',
    policyRevision: 'r',
  });
  const there = { region: 'us', zone: '', subzone: '' };
  t.like(made({ network: 'west', locality: there }), { network: 'west', locality: there });
});
