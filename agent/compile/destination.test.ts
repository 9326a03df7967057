import test from 'ava';
import type { RouteDestination } from '../../manager/model/config/virtual-service.ts';
import { Directory, targetOf } from './destination.ts';
import { destinationRule, port, service, virtualService } from './fixtures.ts';

const rule = destinationRule('reviews', { subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
const services = [
  service('reviews', 1, [port(9080), port(9090, 'tcp')], [], { destinationRule: rule }),
  service('single', 2, [port(80)]),
  service('empty', 3, []),
];
const directory = new Directory(new Map(services.map(each => [each.view.service.hostname, each])));
const object = virtualService('routes', []);

const CASES: readonly [name: string, destination: RouteDestination['destination'], target: string | RegExp][] = [
  ['a short name, in the namespace of the object', { host: 'reviews' }, 'out|reviews.default.mesh|9080|'],
  ['the canonical name', { host: 'reviews.default.mesh' }, 'out|reviews.default.mesh|9080|'],
  ['an alias', { host: 'reviews.service.consul' }, 'out|reviews.default.mesh|9080|'],
  ['a subset', { host: 'reviews', subset: 'v1' }, 'out|reviews.default.mesh|9080|v1'],
  ['another port, named', { host: 'single', port: { number: 80 } }, 'out|single.default.mesh|80|'],
  ['the only port of a service that lacks the one called', { host: 'single' }, 'out|single.default.mesh|80|'],
  ['no such service', { host: 'nobody' }, /sends this to nobody, which is no service here$/],
  [
    'no such subset',
    { host: 'reviews', subset: 'v2' },
    /subset v2 of reviews\.default\.mesh, which no DestinationRule defines$/,
  ],
  ['no such port', { host: 'single', port: { number: 81 } }, /single\.default\.mesh:81, which has port 80$/],
  ['no port at all', { host: 'empty' }, /empty\.default\.mesh:9080, which has no ports$/],
  ['a port that is not HTTP', { host: 'reviews', port: { number: 9090 } }, /which is tcp, not HTTP$/],
];

for (const [name, destination, expected] of CASES) {
  test(name, t => {
    const target = targetOf(destination, object, port(9080), directory);
    if (typeof expected === 'string') t.deepEqual(target, { kind: 'cluster', name: expected });
    else t.regex(target.kind === 'nowhere' ? target.reason : '', expected);
  });
}
