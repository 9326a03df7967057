import test, { type ExecutionContext } from 'ava';
import { eventually } from '../test/eventually.ts';
import { Catalog } from './catalog/catalog.ts';
import { VirtualIps } from './catalog/virtual-ips.ts';
import { Withheld } from './catalog/withheld.ts';
import { member, workload } from './hosts/fixtures.ts';
import type { HostState } from './hosts/hosts.ts';
import { Inspection } from './inspection.ts';
import { NOWHERE } from './model/locality.ts';
import type { ReportedWorkload } from './model/proto/messages.ts';
import { silentLogger } from './model/util/log.ts';
import { temporaryStore } from './store/fixture.ts';

function stateOf(name: string, address: string, one: ReportedWorkload): HostState {
  const host = { name, address, tunnelPort: 15_008, network: '', locality: NOWHERE };
  const workloads = new Map([[one.uid, one]]);
  return { host, workloads, status: undefined, refused: [], alive: true, proven: true, lastHeard: 0 };
}

/** A Manager that follows no registry; its two hosts register the service `api`, at ports of which none is the other's. */
function begin(t: ExecutionContext) {
  const { store } = temporaryStore(t, 'inspection');
  const port = (number: number) => ({ number, name: `tcp-${number}`, protocol: 'tcp' as const });
  const [a, b] = [
    { ...workload('a', '10.0.0.1'), services: ['api'], ports: [port(1), port(2)] },
    { ...workload('b', '10.0.0.2'), services: ['api'], ports: [port(3), port(4)] },
  ];
  const states = new Map([
    ['a', stateOf('a', '10.0.0.1', a)],
    ['b', stateOf('b', '10.0.0.2', b)],
  ]);
  const catalog = new Catalog({
    registries: [],
    settings: { trustDomain: 'isthmus.mesh', roots: [], virtualRanges: [] },
    virtualIps: new VirtualIps(store, Date.now),
    withheld: new Withheld(store, Date.now, silentLogger),
    logger: silentLogger,
  });
  catalog.connect(states as Pick<Map<string, HostState>, 'get'>, () => undefined);
  const inspection = new Inspection({
    catalog,
    hosts: {
      get: name => states.get(name),
      claimed: () => undefined,
      doubled: () => undefined,
      leaseEnd: () => 1,
    },
    members: { all: () => [member('a'), member('b')].values() },
    publisher: { subscriptions: () => new Map() },
    registries: { all: () => [] },
    refusals: { all: () => [] },
    manager: { version: '0', pid: 1, startedAt: 0, trustDomain: 'isthmus.mesh', caEnds: 0 },
  });
  const report = (): void => {
    for (const [name, { workloads }] of states) catalog.workloadsChanged(name, new Set(workloads.keys()));
  };
  const rejections = () => inspection.hosts().map(({ rejections: all }) => all);
  return { store, catalog, report, rejections };
}

test('what cannot be used of a service that only workloads register is told of their hosts', async t => {
  const { report, rejections } = begin(t);
  report();
  const [ofA, ofB] = await eventually('an answer', rejections, ([, found]) => found!.length > 0);
  t.deepEqual(ofA, []);
  t.deepEqual(ofB, [
    {
      resource: 'api.default.mesh',
      reason: 'none of its ports is one of the service; left out',
      origins: ['workload b/default/web'],
    },
  ]);
});

test('so is that it gets no virtual IP', async t => {
  const { store, report, rejections } = begin(t);
  await store.close();
  report();
  const [ofA] = await eventually('an answer', rejections, ([found]) => found!.length > 0);
  t.is(ofA![0]?.resource, 'api.default.mesh');
  t.regex(ofA![0]!.reason, /^gets no virtual IP and is left out: /);
  t.deepEqual(ofA![0]!.origins, ['workload a/default/web']);
});
