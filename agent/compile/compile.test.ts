import test from 'ava';
import { Compiler } from './compile.ts';
import {
  authorizationPolicy,
  host,
  input,
  instance,
  policyOf,
  port,
  service,
  virtualService,
  workload,
} from './fixtures.ts';
import type { HostInput } from './input.ts';
import { type Part, TYPE, type TypeUrl } from './resource.ts';

const A = host('a', '10.0.0.1');
const B = host('b', '10.0.0.2');
const web = workload(A, 'web');
const remote = workload(B, 'reviews', [port(9080)]);
const reviews = service('reviews', 1, [port(9080)], [instance(B, remote)]);
const db = service('db', 2, [port(5432, 'tcp')], []);

function names(made: HostInput, type: TypeUrl): string[] {
  return new Compiler()
    .compile(made)
    .resources.filter(({ typeUrl }) => typeUrl === type)
    .map(({ name }) => name)
    .sort();
}

test('a caller: one listener for the workload, one for tunnels; clusters by port, for TCP by address', t => {
  const made = input(A, [web], [reviews, db]);
  t.deepEqual(names(made, TYPE.listener), ['hbone', 'out/a/default/web', 'refuse', 'tunnel']);
  t.deepEqual(names(made, TYPE.cluster), [
    'hbone',
    'out|reviews.default.mesh|9080|',
    'refuse',
    'vip|240.240.0.2:5432',
    'vip|[fdca::2]:5432',
  ]);
  t.deepEqual(names(made, TYPE.endpoints), [
    'hbone',
    'out|reviews.default.mesh|9080|',
    'vip|240.240.0.2:5432',
    'vip|[fdca::2]:5432',
  ]);
  t.deepEqual(names(made, TYPE.routes), ['out/9080', 'tunnel/a/default/web']);
});

test('the called: a listener for callers of the same host, one for tunnels, one for plaintext', t => {
  const made = input(B, [remote], []);
  t.deepEqual(names(made, TYPE.listener), [
    'hbone',
    'inbound',
    'local/b/default/reviews/9080',
    'out/b/default/reviews',
    'refuse',
    'tunnel',
  ]);
  t.deepEqual(names(made, TYPE.cluster), ['app|b/default/reviews|9080', 'hbone', 'refuse']);
  t.deepEqual(names(made, TYPE.routes), ['tunnel/b/default/reviews']);
});

test('a host that calls nobody has a list of hosts too: without an answer to its question Envoy does not start', t => {
  t.deepEqual(names(input(A, [], []), TYPE.endpoints), ['hbone']);
});

test('tunnels are shared out among the workers of Envoy, not left to the kernel', t => {
  const { resources } = new Compiler().compile(input(B, [remote], []));
  const tunnel = resources.find(({ name }) => name === 'tunnel')!;
  t.deepEqual(tunnel.body['connection_balance_config'], { exact_balance: {} });
});

test('a workload whose policy is not known yet may call, and is not called', t => {
  const made = input(B, [{ ...remote, policy: undefined }], [reviews]);
  t.deepEqual(names(made, TYPE.listener), ['hbone', 'out/b/default/reviews', 'refuse']);
});

test('what did not change is the same object, and a change of instances changes endpoints only', t => {
  const compiler = new Compiler();
  const first = compiler.compile(input(A, [web], [reviews, db])).resources;
  const again = compiler.compile(input(A, [web], [reviews, db])).resources;
  t.deepEqual(
    again.filter(each => !first.includes(each)),
    [],
  );
  const fewer = { ...reviews, instances: [] };
  const changed = compiler.compile(input(A, [web], [fewer, db])).resources.filter(each => !first.includes(each));
  t.deepEqual(
    changed.map(({ typeUrl, name }) => [typeUrl, name]),
    [[TYPE.endpoints, 'out|reviews.default.mesh|9080|']],
  );
  const alike = compiler.compile(input(A, [structuredClone(web)], [structuredClone(fewer), db])).resources;
  t.deepEqual(
    alike.filter(each => !first.includes(each) && !changed.includes(each)),
    [],
  );
});

test('a route table tells which service changed, also when others were made anew with the same content', t => {
  const compiler = new Compiler();
  const other = service('other', 3, [port(9080)]);
  const parts = (...services: readonly (typeof reviews)[]): readonly Part[] =>
    compiler.compile(input(A, [web], services)).resources.find(({ name }) => name === 'out/9080')!.parts!;
  const first = parts(reviews, other);
  t.deepEqual(
    first.map(({ origins }) => origins),
    [['service other.default.mesh'], ['service reviews.default.mesh']],
  );
  t.is(parts(structuredClone(reviews), other), first);
  const route = { match: [], route: [{ destination: { host: 'reviews.default.mesh' } }], timeoutMs: 1_000 };
  const virtualServices = [virtualService('other', [route])];
  const changed = parts(structuredClone(reviews), service('other', 3, [port(9080)], [], { virtualServices }));
  t.not(changed[0]!.content, first[0]!.content);
  t.is(changed[1]!.content, first[1]!.content);
});

test('a change of policy changes what decides, not the listeners of others', t => {
  const compiler = new Compiler();
  const first = compiler.compile(input(B, [remote, workload(B, 'other', [port(81)])], [])).resources;
  const strict = { ...remote, policy: policyOf('b/default/reviews', [authorizationPolicy('ALLOW', 'web')]) };
  const after = compiler.compile(input(B, [strict, workload(B, 'other', [port(81)])], [])).resources;
  const changed = after.filter(
    each => !first.some(before => before.name === each.name && before.version === each.version),
  );
  t.deepEqual(changed.map(({ name }) => name).sort(), [
    'inbound',
    'local/b/default/reviews/9080',
    'tunnel/b/default/reviews',
  ]);
});

test('what a caller sends is told apart by the ports of all services; what comes to it inside its namespace is served there', t => {
  const selector = { kind: 'namespace', path: '/run/netns/web', id: 'web' } as const;
  const inside = workload(A, 'inside', [port(8080)], { selector, addresses: ['172.17.0.2'] });
  const { resources } = new Compiler().compile(input(A, [web, inside], [reviews, db]));
  const listeners = new Map(
    resources.filter(({ typeUrl }) => typeUrl === TYPE.listener).map(each => [each.name, each]),
  );
  const out = JSON.stringify(listeners.get('out/a/default/web')?.body);
  for (const part of ['out/9080', '5432']) t.true(out.includes(part), part);
  const inbound = listeners.get('inbound/a/default/inside');
  t.true(JSON.stringify(inbound?.body).includes('/namespaces/web'));
  t.deepEqual(inbound?.origins, ['workload a/default/inside']);
  t.deepEqual(listeners.get('tunnel')?.origins, ['workload a/default/web', 'workload a/default/inside']);
  const hosts = resources.find(({ name, typeUrl }) => name === 'hbone' && typeUrl === TYPE.endpoints);
  t.true(JSON.stringify(hosts?.body).includes('10.0.0.2'), 'the host of an instance is listed');
});
