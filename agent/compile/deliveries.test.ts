import test from 'ava';
import type { Instance } from '../../manager/model/instance.ts';
import type { Selector } from '../../platforms/platform.ts';
import { Compiler } from './compile.ts';
import {
  authorizationPolicy,
  direct,
  host,
  input,
  instance,
  policyOf,
  port,
  service,
  TRUST_DOMAIN,
  workload,
} from './fixtures.ts';
import { HBONE } from './hbone.ts';
import type { WorkloadInput } from './input.ts';
import type { JsonMap } from './resource.ts';
import { TYPE } from './resource.ts';

const A = host('a', '10.0.0.1');
const B = host('b', '10.0.0.2');
const UID = 'a/default/reviews';
const PORTS = [port(9080), port(9081, 'tcp')];
const web = workload(A, 'web');
const other = workload(A, 'other');
const there = instance(B, workload(B, 'reviews', PORTS), { id: 'there' });

/** `reviews` on host a, under a policy. */
function reviews(policy = policyOf(UID), selector: Selector = { kind: 'user', uid: 3001 }): WorkloadInput {
  return workload(A, 'reviews', PORTS, { policy, selector });
}

/** What the clusters of `reviews` dial on this host, and whether it is marked as delivered. */
function made(compiler: Compiler, workloads: readonly WorkloadInput[], instances: readonly Instance[]) {
  const { resources } = compiler.compile(input(A, workloads, [service('reviews', 1, PORTS, instances)]));
  const outbound = resources.filter(({ name }) => /^(out\||vip\|240)/.test(name));
  return {
    marked: outbound.filter(({ body }) => 'upstream_bind_config' in body).length,
    dialled: outbound
      .filter(({ typeUrl }) => typeUrl === TYPE.endpoints)
      .flatMap(({ body }) => JSON.stringify(body).match(/"(10\.0\.0\.1|127\.0\.0\.1|::1)","port_value":\d+/g) ?? []),
    resources,
  };
}

const WHOLE = [9080, 9081].flatMap(number =>
  ['10.0.0.1', '127.0.0.1', '::1'].map(address => `"${address}","port_value":${number}`),
);
const IN_NAMESPACE: Selector = { kind: 'namespace', path: '/run/netns/pod', id: '4:7' };
const MERELY_LISTED = direct('listed', '10.0.0.9', { 'http-9080': 1, 'tcp-9081': 2 });

const CASES: readonly [
  name: string,
  workload: WorkloadInput,
  others: readonly Instance[],
  dialled: readonly string[],
  marked: number,
][] = [
  ['without a policy it is dialled', reviews(), [there], WHOLE, 2],
  [
    'also where a policy lets in whoever calls from this host',
    reviews(policyOf(UID, [authorizationPolicy('DENY', 'stranger')])),
    [there],
    WHOLE,
    2,
  ],
  [
    'not where a policy refuses one of them',
    reviews(policyOf(UID, [authorizationPolicy('ALLOW', 'web')])),
    [there],
    [],
    2,
  ],
  ['not beside an instance that a registry merely names', reviews(), [MERELY_LISTED], [], 0],
  ['not in a network of its own', reviews(policyOf(UID), IN_NAMESPACE), [], [], 2],
];
for (const [name, called, others, dialled, marked] of CASES)
  test(`an instance of this host: ${name}`, t => {
    const found = made(new Compiler(), [web, other, called], [instance(A, called), ...others]);
    t.deepEqual([found.dialled, found.marked], [dialled, marked]);
  });

test('nobody is dialled whose policy is not known', t => {
  const unknown = { ...reviews(), policy: undefined };
  t.deepEqual(made(new Compiler(), [web, unknown], [instance(A, unknown)]).dialled, []);
});

test('who comes to the host and is refused ends it for all, and a change of policy changes no cluster', t => {
  const compiler = new Compiler();
  const called = reviews(policyOf(UID, [authorizationPolicy('DENY', 'other')]));
  const instances = [instance(A, called), there];
  const before = made(compiler, [web, called], instances);
  t.deepEqual(before.dialled, WHOLE);
  const after = made(compiler, [web, called, other], instances);
  t.deepEqual(after.dialled, []);
  const changed = after.resources.filter(each => !before.resources.includes(each) && /^(out|vip)\|/.test(each.name));
  t.deepEqual(
    changed.map(({ typeUrl }) => typeUrl),
    [TYPE.endpoints, TYPE.endpoints, TYPE.endpoints],
  );
});

test('who left, and may have connections yet, counts until they are over', t => {
  const called = reviews(policyOf(UID, [authorizationPolicy('DENY', 'other')]));
  const known = input(A, [web, called], [service('reviews', 1, PORTS, [instance(A, called)])]);
  const compiler = new Compiler();
  const dialled = (left: readonly string[]): boolean =>
    JSON.stringify(
      compiler.compile({ ...known, left }).resources.filter(({ name }) => name.startsWith('out|')),
    ).includes('"127.0.0.1"');
  const left = `spiffe://${TRUST_DOMAIN}/ns/default/sa/other`;
  t.deepEqual([[], [left], []].map(dialled), [true, false, true]);
});

test('what has endpoints of a workload of this host is made from it, too', t => {
  const called = reviews();
  const { resources } = made(new Compiler(), [called], [instance(A, called)]);
  const origins = resources
    .filter(({ typeUrl, name }) => typeUrl === TYPE.endpoints && name !== HBONE)
    .map(({ origins }) => origins);
  for (const each of origins) t.deepEqual(each, ['service reviews.default.mesh', `workload ${UID}`]);
});

test('services without an instance here keep their endpoints when a workload comes', t => {
  const compiler = new Compiler();
  const bodies = (...workloads: WorkloadInput[]): readonly JsonMap[] =>
    made(compiler, workloads, [there]).resources.flatMap(({ typeUrl, body }) =>
      typeUrl === TYPE.endpoints ? [body] : [],
    );
  const first = bodies(web);
  t.true(bodies(web, reviews()).every((body, index) => body === first[index]));
});
