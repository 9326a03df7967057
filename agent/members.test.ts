import test from 'ava';
import { host, policyOf, workload } from './compile/fixtures.ts';
import { type MemberFacts, Members } from './members.ts';
import { OutboundPorts } from './state/outbound-ports.ts';

const HOST = host('a', '192.0.2.1');
const { local: USER } = workload(HOST, 'user');
const { local: POD } = workload(HOST, 'pod', [], {
  selector: { kind: 'namespace', path: '/run/netns/pod', id: '4-1' },
});

/** What is known of the host: all that a workload needs, unless told otherwise; there are ports for two. */
function facts(over: Partial<MemberFacts> = {}): MemberFacts {
  const ports = new OutboundPorts({}, 20_000, 20_001);
  return {
    trustDomain: 'mesh',
    ports,
    held: () => new Set(),
    policy: uid => policyOf(uid),
    certified: () => true,
    ...over,
  };
}

test('a workload joins once its policy and its certificate have come', t => {
  const state = (over: Partial<MemberFacts>): string | undefined => new Members().update([USER], facts(over))[0]?.state;
  t.is(state({ policy: () => undefined }), 'waiting for policy');
  t.is(state({ certified: () => false }), 'waiting for certificate');
  t.is(state({}), 'joined');
});

test('only a workload without a network of its own takes a port, and inputs stay the same objects', t => {
  const members = new Members();
  const known = facts({ policy: () => undefined });
  const before = members.update([POD, USER], known);
  t.deepEqual(
    before.map(({ input }) => input.outboundPort),
    [0, 20_000],
  );
  const after = members.update([POD, USER], known);
  t.true(after.every(({ input }, index) => input === before[index]?.input));
});

test('no workload is given a port that a program listens on or another workload serves', t => {
  const { local: server } = workload(HOST, 'server', [{ number: 20_001, name: 'tcp', protocol: 'tcp' }]);
  const ports = new OutboundPorts({}, 20_000, 20_003);
  const members = new Members().update([server, USER], facts({ ports, held: () => new Set([20_000]) }));
  t.deepEqual(
    members.map(({ input }) => input.outboundPort),
    [20_002, 20_003],
  );
});

test('who finds no port left is left out; who has one stays', t => {
  const members = new Members();
  const known = facts({ policy: () => undefined });
  const [before] = members.update([USER], known);
  const [first, second] = ['a', 'b'].map(name => workload(HOST, name).local);
  const after = members.update([first!, second!, USER, POD], known);
  t.deepEqual(
    after.map(({ input }) => input.local),
    [first, USER, POD],
  );
  t.is(after[1]?.input, before?.input);
});

test('a workload that is another user gets another port, once', t => {
  const members = new Members();
  const known = facts({ ports: new OutboundPorts({}, 20_000, 20_009) });
  const port = (uid: number): number | undefined =>
    members.update([{ ...USER, selector: { kind: 'user', uid } }], known)[0]?.input.outboundPort;
  t.deepEqual([2001, 2001, 2011, 2011, 2001].map(port), [20_000, 20_000, 20_001, 20_001, 20_000]);
});

test('a workload that is given another service account keeps the one before until the certificate of the new one has come', t => {
  const members = new Members();
  const given = new Set(['spiffe://mesh/ns/default/sa/user']);
  const policy = policyOf(USER.workload.uid);
  const known = facts({ certified: identity => given.has(identity), policy: () => policy });
  const as = (serviceAccount: string, uid = 2001): typeof USER => ({
    ...USER,
    workload: { ...USER.workload, labels: { of: serviceAccount }, serviceAccount },
    selector: { kind: 'user', uid },
  });
  const next = as('next');
  members.update([as('user')], known);
  const [kept] = members.update([next], known);
  t.like(kept, { state: 'joined', identity: 'spiffe://mesh/ns/default/sa/user' });
  t.deepEqual(kept?.input.local.workload.labels, { of: 'next' });
  t.is(members.update([next], known)[0]?.input, kept?.input);
  t.is(members.update([as('next', 2002)], known)[0]?.state, 'waiting for certificate', 'another user');
  members.update([as('user')], known);
  members.update([next], known);
  given.add('spiffe://mesh/ns/default/sa/next');
  const [now] = members.update([next], known);
  t.like(now, { state: 'joined', identity: 'spiffe://mesh/ns/default/sa/next' });
  t.is(now?.input.local, next);
});
