import test from 'ava';
import { destinationRule, direct, host, instance, port, service, workload } from './fixtures.ts';
import { serviceEndpoints } from './service.ts';

const A = host('a', '10.0.0.1');
const B = host('b', '10.0.0.2');
const v = (id: string, version: string, track = '') =>
  direct(id, `10.0.1.${id}`, { 'http-9080': 80 }, { labels: { version, track } });

test('a subset has the instances that carry all its labels; without one a port has all', t => {
  const subsets = [
    { name: 'v1', labels: { version: 'v1' } },
    { name: 'canary', labels: { version: 'v1', track: 'canary' } },
    { name: 'v3', labels: { version: 'v3' } },
  ];
  const rule = { destinationRule: destinationRule('reviews', { subsets }) };
  const instances = [v('1', 'v1'), v('2', 'v1', 'canary'), v('3', 'v2', 'canary')];
  const { view } = service('reviews', 1, [port(9080), port(53, 'udp')], instances, rule);
  const made = serviceEndpoints(view, instances, 'a', new Map()).map(({ name, body }) => [
    name.split('|').at(-1),
    JSON.stringify(body).match(/10\.0\.1\.\d/g) ?? [],
  ]);
  t.deepEqual(made, [
    ['', ['10.0.1.1', '10.0.1.2', '10.0.1.3']],
    ['v1', ['10.0.1.1', '10.0.1.2']],
    ['canary', ['10.0.1.2']],
    ['v3', []],
  ]);
});

test('endpoints say which workloads of the host they lead to: their policies are in force when that way is', t => {
  const instances = [instance(A, workload(A, 'web', [port(9080)])), instance(B, workload(B, 'web', [port(9080)]))];
  const { view } = service('reviews', 1, [port(9080)], instances);
  const [made] = serviceEndpoints(view, instances, 'a', new Map());
  t.deepEqual(made?.origins, ['service reviews.default.mesh', 'workload a/default/web']);
});
