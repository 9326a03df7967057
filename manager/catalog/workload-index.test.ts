import test from 'ava';
import { NOWHERE } from '../model/locality.ts';
import type { ReportedWorkload } from '../model/proto/messages.ts';
import { endpointOf, type PlacedWorkload, WorkloadIndex } from './workload-index.ts';

interface Where {
  readonly addresses?: readonly string[];
  readonly ports?: readonly number[];
  readonly network?: string;
}

function placed(uid: string, { addresses = ['10.0.0.1'], ports = [9080], network = '' }: Where = {}): PlacedWorkload {
  const [host = '', namespace = '', name = ''] = uid.split('/');
  const workload: ReportedWorkload = {
    uid,
    name,
    namespace,
    serviceAccount: name,
    labels: {},
    addresses,
    ports: ports.map(number => ({ number, name: `p${number}`, protocol: 'http' as const })),
    platform: 'linux',
    services: [],
    health: 'healthy',
    policyRevision: '',
  };
  return {
    workload,
    host: { name: host, address: '10.0.0.1', tunnelPort: 15_008, network, locality: NOWHERE },
    alive: true,
  };
}

const LOOKED_FOR: readonly [
  what: string,
  where: Where,
  network: string,
  address: string,
  ports: number[],
  found: boolean,
][] = [
  ['at its address and port', {}, '', '10.0.0.1', [9080], true],
  ['by any of the ports that are listed', {}, '', '10.0.0.1', [1, 9080], true],
  ['at each of its addresses', { addresses: ['10.0.0.1', 'fd00::1'] }, '', 'fd00::1', [9080], true],
  ['however an address is written', { addresses: ['FD00:0::1'] }, '', 'fd00::1', [9080], true],
  ['not on another port', {}, '', '10.0.0.1', [9081], false],
  ['not at another address', {}, '', '10.0.0.2', [9080], false],
  ['not in another network', { network: 'x' }, '', '10.0.0.1', [9080], false],
  ['in its network', { network: 'x' }, 'x', '10.0.0.1', [9080], true],
  [
    'never by a loopback address, which is another machine on each',
    { addresses: ['127.0.0.1'] },
    '',
    '127.0.0.1',
    [9080],
    false,
  ],
  ['nor however that is written', { addresses: ['::ffff:127.0.0.1'] }, '', '127.0.0.1', [9080], false],
  ['nor by one that means all addresses', { addresses: ['0.0.0.0', '0::0'] }, '', '0.0.0.0', [9080], false],
];

for (const [what, where, network, address, ports, found] of LOOKED_FOR)
  test(`a workload is found ${what}`, t => {
    const index = new WorkloadIndex();
    index.set('a/default/web', placed('a/default/web', where));
    t.is(index.find(network, address, ports) !== undefined, found);
  });

test('a change says where instances may be reached otherwise: where it was, and where it is', t => {
  const index = new WorkloadIndex();
  const uid = 'a/default/web';
  const at = (address: string): string => endpointOf('', address, 9080);
  t.deepEqual([...index.set(uid, placed(uid))], [at('10.0.0.1')]);
  const moved = index.set(uid, placed(uid, { addresses: ['10.0.0.2'] }));
  t.deepEqual([...moved].sort(), [at('10.0.0.1'), at('10.0.0.2')]);
  t.is(index.find('', '10.0.0.1', [9080]), undefined);
  t.deepEqual([...index.set(uid, undefined)], [at('10.0.0.2')]);
  t.is(index.get(uid), undefined);
});

test('of two at one place the first is found, until it goes; then the other', t => {
  const index = new WorkloadIndex();
  const [first, second] = ['a/default/web', 'b/default/web'];
  index.set(first, placed(first));
  index.set(second, placed(second));
  const found = (): string | undefined => index.find('', '10.0.0.1', [9080])?.workload.uid;
  t.is(found(), first);
  t.deepEqual([...index.conflicts().values()], [[first, second]]);
  index.set(first, placed(first, { ports: [9080, 9081] }));
  t.is(found(), first, 'a change that keeps its place keeps its right');
  index.set(first, undefined);
  t.is(found(), second);
  t.is(index.conflicts().size, 0);
});

test('to ask who listens where another does costs nothing for those who do not: it is asked for each host', t => {
  const index = new WorkloadIndex();
  for (let number = 0; number < 20_000; number += 1) {
    const uid = `h${number}/default/web`;
    index.set(uid, placed(uid, { addresses: [`10.0.${number >> 8}.${number & 255}`] }));
  }
  const began = performance.now();
  for (let host = 0; host < 1_000; host += 1) t.is(index.conflicts().size, 0);
  t.true(performance.now() - began < 500);
});
