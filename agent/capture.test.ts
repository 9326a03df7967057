import test from 'ava';
import type { Selector } from '../platforms/platform.ts';
import { type CaptureFacts, capturePlan } from './capture.ts';
import { host, port, workload } from './compile/fixtures.ts';
import type { Member } from './members.ts';
import { ASKED_PORTS } from './redirect/spec.ts';

const HOST = host('a', '192.0.2.1');
const RANGES = ['240.240.0.0/16'];
const FACTS: CaptureFacts = {
  virtualRanges: RANGES,
  dnsServers: ['192.0.2.53'],
  askedPorts: ASKED_PORTS,
  proxyUid: 1337,
  agentUid: 0,
};

const memberOf = (name: string, selector: Selector): Member => ({
  input: workload(HOST, name, [port(9080), port(53, 'udp')], { selector }),
  identity: `spiffe://mesh/ns/default/sa/${name}`,
  state: 'joined',
});

const USER = memberOf('user', { kind: 'user', uid: 2001 });
const POD = memberOf('pod', { kind: 'namespace', path: '/run/netns/pod', id: '4-1' });
const GROUP = memberOf('group', { kind: 'cgroup', path: '/system.slice/group.service' });

test('users and namespaces are captured, calls to their ports too but for UDP', t => {
  t.deepEqual(capturePlan([USER, POD], FACTS), {
    plan: {
      host: {
        ...FACTS,
        users: [{ uid: 2001, workload: 'a/default/user', listenerPort: 20_001, ports: [9080], addresses: [] }],
      },
      namespaces: [{ path: '/run/netns/pod', id: '4-1', virtualRanges: RANGES, ports: [9080], proxyUid: 1337 }],
    },
    problems: [],
  });
});

test('a workload that cannot be captured is told with what to do, and the others are captured all the same', t => {
  const { plan, problems } = capturePlan([GROUP, USER, POD], FACTS);
  t.deepEqual(plan, capturePlan([USER, POD], FACTS).plan);
  t.is(problems.length, 1);
  t.is(problems[0]?.where, 'workload a/default/group');
  t.regex(
    problems[0]?.why ?? '',
    /its cgroup \/system\.slice\/group\.service, which .* cannot .*: run it as a user of its own/,
  );
});
