import test from 'ava';
import type { DestinationRule } from '../model/config/destination-rule.ts';
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
