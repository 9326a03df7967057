import test from 'ava';
import type { LocalWorkload, Selector } from '../platforms/platform.ts';
import { host, policyOf, workload } from './compile/fixtures.ts';
import { type Member, type MemberFacts, Members } from './members.ts';
import { Accounts } from './state/accounts.ts';
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
    before: () => undefined,
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

/** What each update is told of the one before, as the agent does it; also over lives, for which `Members` is made anew. */
class Host {
  members = new Members();
  #accounts = new Accounts();
  readonly #facts: MemberFacts;

  constructor(over: Partial<MemberFacts>) {
    this.#facts = facts({ before: uid => this.#accounts.of(uid), ...over });
  }

  update(...workloads: LocalWorkload[]): readonly Member[] {
    const members = this.members.update(workloads, this.#facts);
    const joined = members.flatMap(({ input, state }) => (state === 'joined' ? [input.local] : []));
    this.#accounts.update(
      workloads.map(({ workload: { uid } }) => uid),
      joined,
    );
    return members;
  }

  /** Another agent takes over, with what was written down. */
  restart(): void {
    this.members = new Members();
    this.#accounts = new Accounts(JSON.parse(JSON.stringify(this.#accounts)));
  }
}

function as(serviceAccount: string, selector: Selector = USER.selector): LocalWorkload {
  return { workload: { ...USER.workload, labels: { of: serviceAccount }, serviceAccount }, selector };
}

const user = (uid: number): Selector => ({ kind: 'user', uid });
const identity = (account: string): string => `spiffe://mesh/ns/default/sa/${account}`;

test('a workload that is another user gets another port, once, also while no agent ran', t => {
  const host = new Host({ ports: new OutboundPorts({}, 20_000, 20_009) });
  const port = (uid: number): number | undefined => host.update(as('user', user(uid)))[0]?.input.outboundPort;
  t.deepEqual([2001, 2001, 2011, 2011, 2001].map(port), [20_000, 20_000, 20_001, 20_001, 20_000]);
  host.restart();
  t.deepEqual([2011, 2011].map(port), [20_001, 20_001]);
});

for (const restarts of [false, true])
  test(`a workload that is given another service account ${restarts ? 'while no agent runs ' : ''}keeps the one before until the certificate of the new one has come`, t => {
    const given = new Set([identity('user')]);
    const policy = policyOf(USER.workload.uid);
    const host = new Host({ certified: each => given.has(each), policy: () => policy });
    const next = as('next');
    host.update(as('user'));
    if (restarts) host.restart();
    const [kept] = host.update(next);
    t.like(kept, { state: 'joined', identity: identity('user') });
    t.deepEqual(kept?.input.local.workload.labels, { of: 'next' });
    t.is(host.update(next)[0]?.input, kept?.input);
    if (restarts) host.restart();
    t.is(host.update(next)[0]?.identity, identity('user'), 'also in the life after that');
    given.add(identity('next'));
    const [now] = host.update(next);
    t.like(now, { state: 'joined', identity: identity('next') });
    t.is(now?.input.local, next);
  });

test('a workload that was in the mesh stays there though its certificate is lost, with the account of before too', t => {
  const given = new Set([identity('user')]);
  const host = new Host({ certified: each => given.has(each) });
  host.update(as('user'));
  host.restart();
  given.clear();
  for (const account of ['user', 'next', 'user'])
    t.like(host.update(as(account))[0], { state: 'joined', identity: identity('user') });
  t.is(host.update(as('user', user(2002)))[0]?.state, 'joined');
});

test('another user does not get the account of the one before: until the certificate has come the workload keeps both', t => {
  const given = new Set([identity('user')]);
  const ports = new OutboundPorts({}, 20_000, 20_009);
  const host = new Host({ certified: each => given.has(each), ports });
  host.update(as('user'));
  const next = as('next', user(2002));
  const [kept] = host.update(next);
  t.like(kept, { state: 'joined', identity: identity('user') });
  t.deepEqual(kept?.input.local.selector, USER.selector);
  t.is(kept?.input.outboundPort, 20_000);
  const heir = { ...workload(HOST, 'heir').local, selector: USER.selector };
  t.is(host.update(next, heir)[0]?.state, 'waiting for certificate', 'its user is another workload now');
  t.is(host.update(next)[0]?.state, 'joined');
  given.add(identity('next'));
  const [now] = host.update(next);
  t.is(now?.input.local, next);
  t.not(now?.input.outboundPort, 20_000);
});

test('a container that is started again with another service account keeps the one before until then', t => {
  const given = new Set([identity('user')]);
  const host = new Host({ certified: each => given.has(each) });
  const at = (id: string): Selector => ({ kind: 'namespace', path: '/run/netns/pod', id });
  host.update(as('user', at('4-1')));
  const [kept] = host.update(as('next', at('4-2')));
  t.like(kept, { state: 'joined', identity: identity('user') });
  t.deepEqual(kept?.input.local.selector, at('4-2'));
  const elsewhere: Selector = { kind: 'namespace', path: '/run/netns/other', id: '4-3' };
  t.is(host.update(as('next', elsewhere))[0]?.state, 'waiting for certificate');
});
