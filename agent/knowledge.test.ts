import test from 'ava';
import { authorization } from '../auth/policy/authorization.ts';
import { decide } from '../auth/policy/decide.ts';
import type { Instance } from '../manager/model/instance.ts';
import { loadWire, MESH_SETTINGS_NAME, type Resources } from '../manager/model/proto/wire.ts';
import { direct, port, service } from './compile/fixtures.ts';
import { Knowledge } from './knowledge.ts';
import { Holdings } from './manager/holdings.ts';

const wire = loadWire();
const IDENTITY = { host: 'a', trustDomain: 'x', managers: ['m:1'], key: '', chain: '', roots: 'joined' };
const NO_NAMES = { addresses: () => undefined, want: () => undefined };

function begin(): { readonly holdings: Holdings; readonly knowledge: Knowledge } {
  const holdings = new Holdings(wire);
  return { holdings, knowledge: new Knowledge(holdings, IDENTITY, NO_NAMES) };
}

test('no name is known before the first; afterwards there may be none', t => {
  const { holdings, knowledge } = begin();
  t.is(knowledge.names(), undefined);
  const web = {
    hostname: 'web.default.mesh',
    name: 'web',
    namespace: 'default',
    aliases: [],
    ports: [],
    virtualIps: [],
  };
  const resource = { name: web.hostname, version: '1', body: wire.encode('ServiceName', web) };
  holdings.apply('ServiceName', { resources: [resource], removed: [] });
  t.deepEqual(knowledge.names(), [web]);
  holdings.apply('ServiceName', { resources: [], removed: [web.hostname] });
  t.deepEqual(knowledge.names(), []);
});

test('where policies on disk cannot be read, nobody is let in until the Manager has sent them again', t => {
  const holdings = new Holdings(wire);
  t.is(new Knowledge(holdings, IDENTITY, NO_NAMES).policy('a/default/web'), undefined);
  const knowledge = new Knowledge(holdings, IDENTITY, NO_NAMES, uid => uid === 'a/default/web');
  t.is(knowledge.policy('a/default/new'), undefined);
  const standIn = knowledge.policy('a/default/web');
  t.is(knowledge.policy('a/default/web'), standIn);
  const allowed = authorization(standIn!.authorization);
  for (const principal of [undefined, 'spiffe://x/ns/default/sa/web'])
    t.false(decide(allowed, { port: 80, ...(principal === undefined ? {} : { principal }) }));
  t.deepEqual(
    knowledge.problems().map(({ where }) => where),
    ['workload a/default/web'],
  );
  const policy = {
    workload: 'a/default/web',
    revision: 'r1',
    authorization: [],
    peerAuthentication: [],
    httpPorts: [],
  };
  const resource = { name: policy.workload, version: '1', body: wire.encode('WorkloadPolicy', policy) };
  holdings.apply('WorkloadPolicy', { resources: [resource], removed: [] });
  t.is(knowledge.policy('a/default/web')?.revision, 'r1');
  t.deepEqual(knowledge.problems(), []);
});

test('facts of the mesh are those of the joining, then what the Manager says, and once it says nothing what it said last', t => {
  const { holdings, knowledge } = begin();
  t.deepEqual(knowledge.mesh(), { trustDomain: 'x', roots: ['joined'], virtualRanges: [] });
  const told = { trustDomain: 'x', roots: ['old', 'new'], virtualRanges: ['240.240.0.0/16'] };
  const resource = { name: MESH_SETTINGS_NAME, version: '1', body: wire.encode('MeshSettings', told) };
  holdings.apply('MeshSettings', { resources: [resource], removed: [] });
  t.deepEqual(knowledge.mesh(), told);
  holdings.apply('MeshSettings', { resources: [], removed: [MESH_SETTINGS_NAME] });
  t.deepEqual(knowledge.mesh(), told);
});

test('of services that this host uses those are known of which both parts have come, and what did not change stays the same', t => {
  const holdings = new Holdings(wire);
  const wanted: string[][] = [];
  const addresses = new Map<string, readonly string[]>();
  const names = {
    addresses: (name: string) => addresses.get(name),
    want: (all: ReadonlySet<string>) => wanted.push([...all]),
  };
  const knowledge = new Knowledge(holdings, IDENTITY, names);
  const [a, b] = [service('a', 1, [port(80)]), service('b', 2, [port(80)])];
  let version = 0;
  const take = <T extends 'ServiceView' | 'InstanceList'>(type: T, name: string, value: Resources[T]): void => {
    version += 1;
    const resource = { name, version: String(version), body: wire.encode(type, value) };
    t.deepEqual(holdings.apply(type, { resources: [resource], removed: [] }).refused, {});
  };
  const list = (name: string, ...instances: readonly Instance[]): void =>
    take('InstanceList', name, { hostname: name, instances });
  const { hostname } = a.view.service;
  const other = b.view.service.hostname;
  take('ServiceView', hostname, a.view);
  t.deepEqual([...knowledge.services().keys()], []);
  t.false(knowledge.holds(hostname));
  list(hostname, direct('1', '10.0.0.1', { 'http-80': 80 }));
  take('ServiceView', other, b.view);
  list(other, direct('2', 'db.example', { 'http-80': 80 }));
  t.true(knowledge.holds(hostname));

  const before = knowledge.services();
  t.deepEqual(wanted.at(-1), ['db.example']);
  const again = knowledge.services();
  t.is(again.get(hostname), before.get(hostname));
  t.is(again.get(other), before.get(other));

  addresses.set('db.example', ['10.0.0.2']);
  const resolved = knowledge.services();
  t.is(resolved.get(hostname), before.get(hostname));
  t.deepEqual(
    resolved.get(other)?.instances.map(({ address }) => address),
    ['10.0.0.2'],
  );

  take('ServiceView', other, { ...b.view, service: { ...b.view.service, labels: { tier: '1' } } });
  const relabelled = knowledge.services();
  t.is(relabelled.get(hostname), before.get(hostname));
  t.not(relabelled.get(other), resolved.get(other));
  t.is(relabelled.get(other)?.instances, resolved.get(other)?.instances);

  holdings.apply('InstanceList', { resources: [], removed: [hostname] });
  t.deepEqual([...knowledge.services().keys()], [other]);
});
