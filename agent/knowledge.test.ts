import test from 'ava';
import { loadWire } from '../manager/model/proto/wire.ts';
import { Knowledge } from './knowledge.ts';
import { Holdings } from './manager/holdings.ts';

const wire = loadWire();

test('no name is known before the first; afterwards there may be none', t => {
  const holdings = new Holdings(wire);
  const identity = { host: 'a', trustDomain: 'x', managers: ['m:1'], key: '', chain: '', roots: '' };
  const knowledge = new Knowledge(holdings, identity, { addresses: () => undefined, want: () => undefined });
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
