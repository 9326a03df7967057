import test, { type ExecutionContext } from 'ava';
import type { FollowedService } from '../../registries/mapping.ts';
import type { HostState } from '../hosts/hosts.ts';
import { NOWHERE } from '../model/locality.ts';
import type { Protocol } from '../model/service.ts';
import { silentLogger } from '../model/util/log.ts';
import { temporaryStore } from '../store/fixture.ts';
import { Catalog } from './catalog.ts';
import { HttpPorts } from './http-ports.ts';
import { VirtualIps } from './virtual-ips.ts';
import { Withheld } from './withheld.ts';

/** @param led such as `w 9081`. */
function set(ports: HttpPorts, hostname: string, ...led: readonly string[]): readonly string[] {
  const parsed = led.map(text => text.split(' ')).map(([workload = '', port]) => ({ workload, port: Number(port) }));
  return [...ports.set(hostname, parsed)];
}

const AFTER: readonly [what: string, led: readonly string[], changed: readonly string[], ofW: readonly number[]][] = [
  ['the same', ['w 9081'], [], [9081]],
  ['a second instance at the port', ['w 9081', 'w 9081'], [], [9081]],
  ['a second port', ['w 9081', 'w 80'], ['w'], [80, 9081]],
  ['another port', ['w 80'], ['w'], [80]],
  ['another workload', ['v 9081'], ['w', 'v'], []],
  ['one more workload', ['w 9081', 'v 9081'], ['v'], [9081]],
  ['nothing', [], ['w'], []],
];

for (const [what, led, changed, ofW] of AFTER)
  test(`a service that led to a port leads to ${what}`, t => {
    const ports = new HttpPorts();
    t.deepEqual(set(ports, 's', 'w 9081'), ['w']);
    t.deepEqual(set(ports, 's', ...led), changed);
    t.deepEqual(ports.of('w'), ofW);
  });

test('a port that two services lead to is spoken HTTP to until the last of them goes', t => {
  const ports = new HttpPorts();
  set(ports, 's', 'w 9081');
  t.deepEqual(set(ports, 'other', 'w 9081'), []);
  t.deepEqual(set(ports, 's'), []);
  t.deepEqual(ports.of('w'), [9081]);
  t.deepEqual(set(ports, 'other'), ['w']);
  t.deepEqual(ports.of('w'), []);
});

const UID = 'a/default/reviews';

/** A host with a workload that says of its port 9081 that it speaks TCP. */
const HOST: HostState = {
  host: { name: 'a', address: '10.0.0.1', tunnelPort: 15_008, network: '', locality: NOWHERE },
  workloads: new Map([
    [
      UID,
      {
        uid: UID,
        name: 'reviews',
        namespace: 'default',
        serviceAccount: 'reviews',
        labels: {},
        addresses: ['10.0.0.1'],
        ports: [{ number: 9081, name: 'tcp', protocol: 'tcp' }],
        platform: 'linux',
        services: [],
        health: 'healthy',
        policyRevision: '',
      },
    ],
  ]),
  status: undefined,
  refused: [],
  alive: true,
  proven: true,
  lastHeard: 0,
};

function listed(protocol: Protocol, port = 9081, weight = 1): FollowedService {
  return {
    name: 'reviews',
    namespace: 'default',
    aliases: [],
    labels: {},
    ports: [{ number: 80, name: 'web', protocol }],
    problems: [],
    instances: [
      { id: 'r', address: '10.0.0.1', ports: [{ number: port }], weight, labels: {}, health: 'healthy' as const },
    ],
  };
}

async function catalogOf(t: ExecutionContext) {
  const { store } = temporaryStore(t, 'http-ports');
  const catalog = new Catalog({
    registries: ['file'],
    settings: { trustDomain: 'isthmus.mesh', roots: [], virtualRanges: [] },
    virtualIps: new VirtualIps(store, Date.now),
    withheld: new Withheld(store, Date.now, silentLogger),
    logger: silentLogger,
  });
  const { promise: known, resolve } = Promise.withResolvers<void>();
  const told: string[] = [];
  catalog.connect({ get: () => HOST }, keys => {
    told.push(...keys.map(({ type }) => type));
    if (catalog.records.size > 0) resolve();
  });
  catalog.workloadsChanged('a', new Set([UID]));
  catalog.setSource('file', 'reviews', listed('tcp'));
  await known;
  return (service: FollowedService | undefined) => {
    told.length = 0;
    catalog.setSource('file', 'reviews', service);
    catalog.flush();
    return { ...catalog.policyOf(UID)!, told: told.includes('WorkloadPolicy') };
  };
}

test('a host is told when HTTP begins and ends to be spoken to a workload, no oftener, and no tunnel moves', async t => {
  const says = await catalogOf(t);
  const { revision, httpPorts } = says(listed('tcp'));
  t.deepEqual(httpPorts, []);
  const steps: readonly [FollowedService | undefined, readonly number[], told: boolean][] = [
    [listed('http'), [9081], true],
    [listed('grpc', 9081, 5), [9081], false],
    [listed('http', 9082), [], true],
    [listed('http'), [9081], true],
    [listed('tcp'), [], true],
    [listed('http'), [9081], true],
    [undefined, [], true],
  ];
  for (const [service, ports, told] of steps) t.like(says(service), { httpPorts: ports, told, revision });
});
