import test from 'ava';
import type { DestinationRule } from '../model/config/destination-rule.ts';
import type { VirtualService } from '../model/config/virtual-service.ts';
import { ConfigIndex } from './config-index.ts';

function rule(host: string): DestinationRule {
  const metadata = {
    name: 'rule',
    namespace: 'shop',
    labels: {},
    annotations: {},
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata,
    spec: { host, subsets: [] },
  } as unknown as DestinationRule;
}

const HOSTS: readonly [host: string, hostname: string][] = [
  ['reviews', 'reviews.shop.mesh'],
  ['reviews.other', 'reviews.other.mesh'],
  ['reviews.other.svc.cluster.local', 'reviews.other.mesh'],
  ['Reviews.Other.Mesh.', 'reviews.other.mesh'],
];

for (const [host, hostname] of HOSTS)
  test(`"${host}" shapes ${hostname}`, t => {
    const index = new ConfigIndex(() => undefined);
    t.deepEqual([...index.set('key', rule(host))], [hostname]);
    t.is(index.of(hostname).destinationRule?.spec.host, host);
  });

for (const host of ['reviews.service.consul', 'Reviews.service.consul.'])
  test(`an alias written as "${host}" is followed when it comes`, t => {
    const owners = new Map<string, string>();
    const index = new ConfigIndex(alias => owners.get(alias));
    index.set('key', rule(host));
    owners.set('reviews.service.consul', 'reviews.default.mesh');
    t.true(index.aliasMoved('reviews.service.consul').has('reviews.default.mesh'));
    t.truthy(index.of('reviews.default.mesh').destinationRule);
  });

function route(
  hosts: readonly string[],
  destination: string,
  more: Partial<VirtualService['metadata']> = {},
): VirtualService {
  const metadata = { ...rule('x').metadata, name: 'route', ...more };
  const spec = { hosts, http: [{ match: [], route: [{ destination: { host: destination }, weight: 1 }] }] };
  return { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata, spec } as unknown as VirtualService;
}

test('a route shapes the services of its hosts; its destinations are told by their canonical names', t => {
  const index = new ConfigIndex(() => undefined);
  t.deepEqual([...index.set('key', route(['cart', 'shop.other'], 'cart-v2'))], ['cart.shop.mesh', 'shop.other.mesh']);
  const [found] = index.of('shop.other.mesh').virtualServices;
  t.is(found?.spec.http[0]?.route[0]?.destination.host, 'cart-v2.shop.mesh');
  t.deepEqual(index.of('cart-v2.shop.mesh').virtualServices, []);
});

test('a change of hosts concerns those that were and those that are; one that goes those that were', t => {
  const index = new ConfigIndex(() => undefined);
  index.set('key', route(['cart'], 'cart'));
  t.deepEqual([...index.set('key', route(['shop'], 'cart'))].sort(), ['cart.shop.mesh', 'shop.shop.mesh']);
  t.deepEqual(index.of('cart.shop.mesh').virtualServices, []);
  t.deepEqual([...index.set('key', undefined)], ['shop.shop.mesh']);
  t.deepEqual(index.of('shop.shop.mesh').virtualServices, []);
});

test('of several routes the oldest comes first; of several rules that of the own namespace, else the oldest', t => {
  const index = new ConfigIndex(() => undefined);
  index.set('1', route(['cart.bank'], 'cart', { name: 'young', creationTimestamp: '2026-02-01T00:00:00Z' }));
  index.set('2', route(['cart.bank'], 'cart', { name: 'old', creationTimestamp: '2026-01-01T00:00:00Z' }));
  const names = index.of('cart.bank.mesh').virtualServices.map(({ metadata }) => metadata.name);
  t.deepEqual(names, ['old', 'young']);
  const own = {
    ...rule('cart.bank'),
    metadata: { ...rule('x').metadata, namespace: 'bank', creationTimestamp: '2026-03-01T00:00:00Z' },
  };
  index.set('3', rule('cart.bank'));
  t.is(index.of('cart.bank.mesh').destinationRule?.metadata.namespace, 'shop');
  index.set('4', own);
  t.is(index.of('cart.bank.mesh').destinationRule?.metadata.namespace, 'bank');
});
