import test from 'ava';
import { capturable } from './capturable.ts';
import { ASKED_PORTS, type CapturedUser, type HostCapture } from './spec.ts';

const HOST: HostCapture = {
  virtualRanges: [],
  users: [],
  proxyUid: 1337,
  agentUid: 0,
  dnsServers: [],
  askedPorts: ASKED_PORTS,
};

test('users that must not be captured are named and left out', t => {
  const user = (uid: number, place: number): CapturedUser => ({
    uid,
    workload: `vm-7/default/w${place}`,
    listenerPort: 20_000 + place,
    ports: [],
    addresses: [],
  });
  const { host, problems } = capturable({ ...HOST, users: [0, 1337, 2001, 2001, 2002].map(user) });
  t.deepEqual(host.users, [user(2001, 2), user(2002, 4)]);
  t.deepEqual(
    problems.map(({ where, why }) => `${where} ${why.split(':')[0]}`),
    [
      "user 0 of workload vm-7/default/w0 is root's, the proxy's or the agent's own",
      "user 1337 of workload vm-7/default/w1 is root's, the proxy's or the agent's own",
      'user 2001 of workload vm-7/default/w3 is the user of workload vm-7/default/w2 already',
    ],
  );
});

test('name servers for which no port is left are told of, each family by itself', t => {
  const two = { ...HOST, dnsServers: ['10.0.0.2', 'fd00::2'] };
  t.deepEqual(capturable({ ...two, askedPorts: [15_055] }).problems, []);
  const [problem, ...more] = capturable({ ...two, askedPorts: [] }).problems;
  t.deepEqual([problem?.where, more], ['name servers', []]);
});

test('a name server on the link alone is named and left out, and the others are captured', t => {
  const { host, problems } = capturable({ ...HOST, dnsServers: ['fe80::1%eth0', '10.0.0.2'] });
  t.deepEqual(host.dnsServers, ['10.0.0.2']);
  t.deepEqual(
    problems.map(({ where }) => where),
    ['name server fe80::1%eth0'],
  );
});
