import test from 'ava';
import { capturableUsers, hostRuleset, namespaceRuleset } from './ruleset.ts';
import { changeScript, replaceScript } from './script.ts';
import type { CapturedUser, HostCapture } from './spec.ts';

const KERNEL = { udpTimeouts: true };
const HOST: HostCapture = {
  virtualRanges: ['240.240.0.0/16', 'fd69:7374:686d::/48'],
  users: [
    { uid: 2001, listenerPort: 20_001, ports: [8080, 8081], addresses: [] },
    { uid: 2002, listenerPort: 20_002, ports: [8080], addresses: ['::0:1', '10.0.0.9'] },
  ],
  proxyUid: 1337,
  agentUid: 0,
  dnsServers: ['10.0.0.2', 'fd00::2', '10.0.0.2'],
};

test('elements follow from the users, each once', t => {
  t.deepEqual(hostRuleset(HOST, KERNEL).elements, {
    dns4: ['10.0.0.2'],
    dns6: ['fd00::2'],
    users: ['2001', '2002'],
    outbound: ['2001 : 20001', '2002 : 20002'],
    listeners: ['2001 . 20001', '2002 . 20002'],
    ports: ['20001', '20002'],
    own: ['8080', '8081'],
    holders: ['2001 . 8080', '2001 . 8081'],
    holders4: ['2002 . 10.0.0.9 . 8080'],
    holders6: ['2002 . ::1 . 8080'],
    held4: ['10.0.0.9 . 8080'],
    held6: ['::1 . 8080'],
  });
  const inside = { path: '/x', id: '4-1', virtualRanges: [], ports: [80], proxyUid: 1 };
  const asked = { asked4_0: ['127.0.0.11'] };
  t.deepEqual(namespaceRuleset(inside, KERNEL, asked).elements, { own: ['80'], ...asked });
  t.regex(
    replaceScript(namespaceRuleset(inside, KERNEL, asked)),
    /set asked4_0 \{ type ipv4_addr; size 1; flags dynamic; elements = \{ 127\.0\.0\.11 \} \}/,
  );
});

test('every placeholder is filled, and empty sets have no elements', t => {
  const full = replaceScript(hostRuleset(HOST, KERNEL));
  t.notRegex(full, /%/);
  t.regex(full, /map outbound \{[^}]*elements = \{ 2001 : 20001, 2002 : 20002 \} \}/);
  const empty = replaceScript(hostRuleset({ ...HOST, users: [], dnsServers: [], virtualRanges: [] }, KERNEL));
  t.regex(full, /ct timeout set "brief6"/);
  t.notRegex(replaceScript(hostRuleset(HOST, { udpTimeouts: false })), /ct timeout/);
  t.notRegex(empty, /elements = \{ *\}/);
  t.regex(full, /^add table inet isthmus\ndelete table inet isthmus\ntable inet isthmus \{/);
});

test('a change of workloads touches only its elements, removals first', t => {
  const changed = hostRuleset(
    { ...HOST, users: [{ uid: 2001, listenerPort: 20_009, ports: [8080], addresses: [] }] },
    KERNEL,
  );
  t.deepEqual(changeScript(hostRuleset(HOST, KERNEL), changed)?.trim().split('\n'), [
    'delete element inet isthmus users { 2002 }',
    'delete element inet isthmus outbound { 2001, 2002 }',
    'delete element inet isthmus listeners { 2001 . 20001, 2002 . 20002 }',
    'delete element inet isthmus ports { 20001, 20002 }',
    'delete element inet isthmus own { 8081 }',
    'delete element inet isthmus holders { 2001 . 8081 }',
    'delete element inet isthmus holders4 { 2002 . 10.0.0.9 . 8080 }',
    'delete element inet isthmus holders6 { 2002 . ::1 . 8080 }',
    'delete element inet isthmus held4 { 10.0.0.9 . 8080 }',
    'delete element inet isthmus held6 { ::1 . 8080 }',
    'add element inet isthmus outbound { 2001 : 20009 }',
    'add element inet isthmus listeners { 2001 . 20009 }',
    'add element inet isthmus ports { 20009 }',
  ]);
});

test('nothing to do is nothing, and another structure cannot be reached by elements', t => {
  t.is(changeScript(hostRuleset(HOST, KERNEL), hostRuleset({ ...HOST, users: HOST.users.toReversed() }, KERNEL)), '');
  t.is(changeScript(hostRuleset(HOST, KERNEL), hostRuleset({ ...HOST, proxyUid: 1338 }, KERNEL)), undefined);
});

test('users that must not be captured are named and left out', t => {
  const user = (uid: number): CapturedUser => ({ uid, listenerPort: 20_000 + (uid % 100), ports: [], addresses: [] });
  const { users, problems } = capturableUsers({ ...HOST, users: [0, 1337, 2001, 2001, 2002].map(user) });
  t.deepEqual(users, [user(2001), user(2002)]);
  t.deepEqual(
    problems.map(({ where, why }) => `${where} ${why.split(':')[0]}`),
    [
      "user 0 is root's, the proxy's or the agent's own",
      "user 1337 is root's, the proxy's or the agent's own",
      'user 2001 belongs to two workloads',
    ],
  );
});
