import test from 'ava';
import type { RegistryInstance } from '../../registries/registry.ts';
import { mergeSources, type Source } from './merge.ts';

const REF = { namespace: 'default', name: 'reviews' };

function instance(id: string, address: string): RegistryInstance {
  return { id, address, ports: [{ name: 'http', number: 9080 }], weight: 1, labels: {}, health: 'healthy' };
}

function source(registry: string, key: string, ...instances: RegistryInstance[]): Source {
  const ports = [{ name: 'http', number: 9080, protocol: 'http' as const }];
  return { registry, key, service: { ...REF, aliases: [], ports, labels: {}, instances, problems: [] } };
}

const CASES: readonly [what: string, sources: readonly Source[], ids: readonly string[]][] = [
  [
    'one address in two registries is one instance, that of the first',
    [source('consul', 'r', instance('1', '10.0.0.1')), source('zk', 'r', instance('2', '10.0.0.1'))],
    ['consul/1'],
  ],
  [
    'so is one that they write in two ways',
    [source('consul', 'r', instance('1', 'fd00::1')), source('zk', 'r', instance('2', 'FD00:0:0::1'))],
    ['consul/1'],
  ],
  [
    'a loopback address is another machine on each host',
    [source('agent', 'a', instance('a/w', '127.0.0.1')), source('agent', 'b', instance('b/w', '127.0.0.1'))],
    ['agent/a/w', 'agent/b/w'],
  ],
  [
    'one id under two keys stays two instances',
    [source('zk', 'r', instance('1', '10.0.0.1')), source('zk', 's', instance('1', '10.0.0.2'))],
    ['zk/1', 'zk/s/1'],
  ],
];

for (const [what, sources, ids] of CASES)
  test(what, t => {
    t.deepEqual(
      mergeSources(REF, sources).drafts.map(({ id }) => id),
      ids,
    );
  });
