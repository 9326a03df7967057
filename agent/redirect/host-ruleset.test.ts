import test from 'ava';
import { hostRuleset } from './host-ruleset.ts';
import { changeScript, replaceScript } from './script.ts';
import { ASKED_PORTS, type HostCapture } from './spec.ts';

const HOST: HostCapture = {
  virtualRanges: ['240.240.0.0/16', 'fd69:7374:686d::/48'],
  users: [
    { uid: 2001, listenerPort: 20_001, ports: [8080, 8081], addresses: [] },
    { uid: 2002, listenerPort: 20_002, ports: [8080], addresses: ['::0:1', '10.0.0.9'] },
  ],
  proxyUid: 1337,
  agentUid: 0,
  dnsServers: ['10.0.0.2', 'fd00::2', '10.0.0.2'],
  askedPorts: ASKED_PORTS,
};

test('elements follow from the users, each once', t => {
  t.deepEqual(hostRuleset(HOST).elements, {
    users: ['2001', '2002'],
    outbound: ['2001 : 2', '2002 : 3'],
    listeners: ['2 : jump to_20001', '3 : jump to_20002'],
    closed: ['15006', '20001', '20002'],
    own: ['8080', '8081'],
    servers: ['2001 . 8080', '2001 . 8081', '2002 . 8080'],
    holders: ['2001 . 8080', '2001 . 8081'],
    holders4: ['2002 . 10.0.0.9 . 8080'],
    holders6: ['2002 . ::1 . 8080'],
    held4: ['10.0.0.9 . 8080'],
    held6: ['::1 . 8080'],
    dns4: ['10.0.0.2 : 15054'],
    dns6: ['fd00::2 : 15054'],
    servers4: ['15054 : 10.0.0.2'],
    servers6: ['15054 : fd00::2'],
  });
});

test('a name server is known by its address however it is written, and keeps its port when the order changes', t => {
  const { elements } = hostRuleset({ ...HOST, dnsServers: ['10.0.0.9', '10.0.0.2', 'fd00::0002', 'FD00::2'] });
  t.deepEqual(elements['servers6'], ['15054 : fd00::2']);
  t.deepEqual(hostRuleset({ ...HOST, dnsServers: ['fd00::2', '10.0.0.2', '10.0.0.9'] }).elements, elements);
});

test('every placeholder is filled, and empty sets have no elements', t => {
  const full = replaceScript(hostRuleset(HOST));
  t.notRegex(full, /%/);
  t.regex(full, /map outbound \{[^}]*elements = \{ 2001 : 2, 2002 : 3 \} \}/);
  const empty = replaceScript(hostRuleset({ ...HOST, users: [], dnsServers: [], virtualRanges: [] }));
  t.notRegex(empty, /elements = \{ *\}/);
  t.regex(full, /^add table inet isthmus\ndelete table inet isthmus\ntable inet isthmus \{/);
});

test('a change of workloads touches only its elements, removals first', t => {
  const changed = hostRuleset({ ...HOST, users: [{ uid: 2001, listenerPort: 20_009, ports: [8080], addresses: [] }] });
  t.deepEqual(changeScript(hostRuleset(HOST), changed)?.trim().split('\n'), [
    'delete element inet isthmus users { 2002 }',
    'delete element inet isthmus outbound { 2001, 2002 }',
    'delete element inet isthmus listeners { 2, 3 }',
    'delete element inet isthmus closed { 20001, 20002 }',
    'delete element inet isthmus own { 8081 }',
    'delete element inet isthmus servers { 2001 . 8081, 2002 . 8080 }',
    'delete element inet isthmus holders { 2001 . 8081 }',
    'delete element inet isthmus holders4 { 2002 . 10.0.0.9 . 8080 }',
    'delete element inet isthmus holders6 { 2002 . ::1 . 8080 }',
    'delete element inet isthmus held4 { 10.0.0.9 . 8080 }',
    'delete element inet isthmus held6 { ::1 . 8080 }',
    'delete chain inet isthmus to_20001',
    'delete chain inet isthmus to_20002',
    'add chain inet isthmus to_20009',
    'add rule inet isthmus to_20009 meta l4proto tcp tproxy to :20009 socket mark 0 meta mark set 0 accept',
    'add element inet isthmus outbound { 2001 : 10 }',
    'add element inet isthmus listeners { 10 : jump to_20009 }',
    'add element inet isthmus closed { 20009 }',
  ]);
});

test('nothing to do is nothing, and another structure cannot be reached by elements', t => {
  t.is(changeScript(hostRuleset(HOST), hostRuleset({ ...HOST, users: HOST.users.toReversed() })), '');
  t.is(changeScript(hostRuleset(HOST), hostRuleset({ ...HOST, proxyUid: 1338 })), undefined);
});
