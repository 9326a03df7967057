import test from 'ava';
import { authorization } from '../auth/policy/authorization.ts';
import { decide } from '../auth/policy/decide.ts';
import { loadWire, MESH_SETTINGS_NAME } from '../manager/model/proto/wire.ts';
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
  const knowledge = new Knowledge(holdings, IDENTITY, NO_NAMES, true);
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
