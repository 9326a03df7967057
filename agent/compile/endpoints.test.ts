import test from 'ava';
import type { Instance } from '../../manager/model/instance.ts';
import { loadAssignment } from './endpoints.ts';
import { direct, host, instance, port, workload } from './fixtures.ts';

const A = host('a', '10.0.0.1');
const B = host('b', '10.0.0.2');
const there = instance(B, workload(B, 'reviews', [port(9080)]));
const here = instance(A, workload(A, 'reviews', [port(9080)]));
const plain = (more: Partial<Instance> = {}): Instance => direct('d', '10.0.0.9', { 'http-9080': 81 }, more);

interface Endpoint {
  readonly endpoint: { readonly address: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  readonly metadata: { readonly filter_metadata: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  readonly load_balancing_weight: number;
  readonly health_status: string;
}
interface Assignment {
  readonly endpoints: readonly { readonly locality: unknown; readonly lb_endpoints: readonly Endpoint[] }[];
}

function assigned(...instances: Instance[]): Assignment['endpoints'] {
  return (loadAssignment('x', port(9080), instances, 'a', new Map()) as unknown as Assignment).endpoints;
}
const endpoints = (...instances: Instance[]): Endpoint[] => assigned(...instances).flatMap(group => group.lb_endpoints);

test('an instance of another host is reached through its tunnel, and named by its policy too', t => {
  const [made] = endpoints(there);
  const id = 'test/reviews|r1|10.0.0.2:15008|reviews.default.b.mesh:9080|spiffe://isthmus.mesh/ns/default/sa/reviews';
  t.deepEqual(made?.endpoint.address, { envoy_internal_address: { server_listener_name: 'hbone', endpoint_id: id } });
  t.deepEqual(made?.metadata.filter_metadata['isthmus'], {
    host: '10.0.0.2:15008',
    authority: 'reviews.default.b.mesh:9080',
    sni: 'reviews.default.b.mesh',
    san: 'spiffe://isthmus.mesh/ns/default/sa/reviews',
  });
});

const MOVES: readonly [what: string, reach: object, ports: object][] = [
  ['another port', {}, { 'http-9080': 9081 }],
  ['another host', { tunnel: '10.0.0.3:15008' }, {}],
  ['another workload', { sni: 'ratings.default.b.mesh' }, {}],
  ['another identity', { identity: 'spiffe://isthmus.mesh/ns/default/sa/ratings' }, {}],
  ['another policy', { policyRevision: 'r2' }, {}],
];
for (const [what, reach, ports] of MOVES)
  test(`an instance that has ${what} now is another endpoint: connections that stand are not used for it`, t => {
    const moved = { ...there, reach: { ...there.reach, ...reach }, ports: { ...there.ports, ...ports } } as Instance;
    const [before, after] = [there, moved].map(each => endpoints(each)[0]?.endpoint.address);
    t.notDeepEqual(after, before);
  });

test('an instance of this host is reached inside the proxy', t => {
  const [made] = endpoints(here);
  t.deepEqual(made?.endpoint.address, {
    envoy_internal_address: { server_listener_name: 'local/a/default/reviews/9080', endpoint_id: 'test/reviews|r1' },
  });
});

test('an instance has no port of a name that objects have and nobody gave it', t => {
  for (const name of ['constructor', 'valueOf', '__proto__']) {
    const made = loadAssignment('x', { ...port(9080), name }, [plain(), there], 'a', new Map());
    t.deepEqual(made['endpoints'], [], name);
  }
});

test('an instance without agent is dialled in plaintext', t => {
  const [made] = endpoints(plain());
  t.deepEqual(made?.endpoint.address, { socket_address: { address: '10.0.0.9', port_value: 81 } });
  t.deepEqual(made?.metadata.filter_metadata, { 'envoy.transport_socket_match': { via: 'address' } });
});

const WEIGHTS: readonly [name: string, weights: number[], made: number[]][] = [
  ['whole numbers stay', [1, 3, 100], [1, 3, 100]],
  ['fractions keep their ratio', [0.8, 0.2], [800, 200]],
  ['0 takes no traffic', [1, 0], [1]],
  ['a tiny one still takes some', [0.0001, 1], [1, 1000]],
];
for (const [name, weights, made] of WEIGHTS) {
  test(`weights: ${name}`, t => {
    const given = weights.map((weight, index) => plain({ id: `d${index}`, weight }));
    t.deepEqual(
      endpoints(...given).map(each => each.load_balancing_weight),
      made,
    );
  });
}

test('health and locality are passed on', t => {
  const eu = { region: 'eu', zone: 'a', subzone: 's' };
  const made = assigned(
    plain({ health: 'unhealthy', locality: eu }),
    plain({ id: '2', health: 'draining' }),
    plain({ id: '3', locality: eu }),
  );
  t.deepEqual(
    made.map(group => [group.locality, group.lb_endpoints.map(each => each.health_status)]),
    [
      [{ region: 'eu', zone: 'a', sub_zone: 's' }, ['UNHEALTHY', 'HEALTHY']],
      [{ region: '', zone: '', sub_zone: '' }, ['DRAINING']],
    ],
  );
});

test('instances without the port, and those that are named by no address, are left out', t => {
  t.deepEqual(endpoints(plain({ ports: { other: 1 } }), plain({ address: 'web.example' })), []);
});

test('weights that are too many together keep their shares', t => {
  const weights = [4e9, 2e9, 2e9, 0.5].map((weight, index) => plain({ address: `10.0.1.${index}`, weight }));
  t.deepEqual(
    endpoints(...weights).map(({ load_balancing_weight }) => load_balancing_weight),
    [2e9, 1e9, 1e9, 1],
  );
});
