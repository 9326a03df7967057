import test from 'ava';
import { silentLogger } from '../manager/model/util/log.ts';
import { eventually } from '../test/eventually.ts';
import { Capturing, type CapturingOptions } from './capturing.ts';
import { host, workload } from './compile/fixtures.ts';
import { TYPE } from './compile/resource.ts';
import type { Rejection, ResourceStatus } from './envoy/ads/status.ts';
import type { Member } from './members.ts';
import { ASKED_PORTS } from './redirect/spec.ts';

const HOST = host('a', '192.0.2.1');

const memberOf = (name: string, uid: number): Member => ({
  input: workload(HOST, name, [], { selector: { kind: 'user', uid } }),
  identity: `spiffe://mesh/ns/default/sa/${name}`,
  state: 'joined',
});

const [WEB, SHOP] = [memberOf('web', 2001), memberOf('shop', 2002)];

const listener = ({ input }: Member, state: ResourceStatus['state']): ResourceStatus => ({
  typeUrl: TYPE.listener,
  name: `out/${input.local.workload.uid}`,
  version: '1',
  origins: [],
  state,
  ...(state === 'accepted' ? { accepted: '1' } : {}),
});

const refusalOf = ({ input }: Member): Rejection => ({
  typeUrl: TYPE.listener,
  name: 'any',
  version: '1',
  reason: 'no',
  origins: [`workload ${input.local.workload.uid}`],
});

/** Capture beside an Envoy that says what the test has it say; `rules` are the users of all rules that were set. */
function stage(more: Partial<CapturingOptions> = {}): {
  readonly capturing: Capturing;
  readonly envoy: { resources: readonly ResourceStatus[]; rejections: Rejection[] };
  readonly rules: number[][];
} {
  const envoy: ReturnType<typeof stage>['envoy'] = { resources: [], rejections: [] };
  const rules: number[][] = [];
  const capturing = new Capturing({
    agent: { envoy: { uid: 1337 } },
    knowledge: { mesh: () => ({ trustDomain: 'mesh', roots: [], virtualRanges: [] }) },
    ads: {
      applied: () => Promise.resolve(envoy.rejections),
      status: () => ({ connections: 1, resources: envoy.resources }),
    },
    redirect: {
      apply: plan => {
        rules.push(plan.host.users.map(({ uid }) => uid));
        return Promise.resolve([]);
      },
    },
    names: () => ({ dnsServers: [], askedPorts: ASKED_PORTS }),
    logger: silentLogger,
    signal: AbortSignal.timeout(60_000),
    ...more,
  });
  return { capturing, envoy, rules };
}

test('the rules of an earlier life stay until all stand ready or are refused', async t => {
  const { capturing, envoy, rules } = stage();
  envoy.resources = [listener(WEB, 'accepted'), listener(SHOP, 'sent')];
  t.is(await capturing.follow([WEB, SHOP]), 'unsaid');
  t.deepEqual(rules, []);
  t.false(capturing.tookOver);
  envoy.resources = [listener(WEB, 'accepted'), listener(SHOP, 'rejected')];
  t.is(await capturing.follow([WEB, SHOP]), 'set');
  t.deepEqual(rules, [[2001]]);
  t.true(capturing.tookOver);
  t.deepEqual(capturing.status(), { active: true, problems: [] });
});

test('who is captured stays so while Envoy makes ready for others', async t => {
  const { capturing, envoy, rules } = stage();
  envoy.resources = [listener(WEB, 'accepted')];
  await capturing.follow([WEB]);
  envoy.resources = [listener(WEB, 'sent'), listener(SHOP, 'sent')];
  t.is(await capturing.follow([WEB, SHOP]), 'set');
  t.deepEqual(rules, [[2001], [2001]]);
});

test('the rules let go of who leaves, and of nobody else', async t => {
  const { capturing, envoy, rules } = stage();
  envoy.resources = [listener(WEB, 'accepted'), listener(SHOP, 'accepted')];
  await capturing.follow([WEB, SHOP]);
  await capturing.letGo([SHOP, WEB]);
  t.is(rules.length, 1);
  await capturing.letGo([SHOP]);
  t.deepEqual(rules.at(-1), [2002]);
  t.deepEqual(capturing.captured(), [SHOP]);
});

test('who was let go of is not captured again by a round that began before', async t => {
  const applied = Promise.withResolvers<Rejection[]>();
  const { capturing, rules, envoy } = stage({
    ads: {
      applied: () => (rules.length === 0 ? Promise.resolve([]) : applied.promise),
      status: () => ({ connections: 1, resources: envoy.resources }),
    },
  });
  envoy.resources = [listener(WEB, 'accepted'), listener(SHOP, 'accepted')];
  await capturing.letGo([WEB, SHOP]);
  await capturing.follow([WEB, SHOP]);
  const round = capturing.follow([WEB, SHOP]);
  const leaving = capturing.letGo([SHOP]);
  applied.resolve([]);
  await Promise.all([round, leaving]);
  t.deepEqual(rules, [[2001, 2002], [2002], [2002]]);
  t.deepEqual(capturing.captured(), [SHOP]);
});

test('who leaves while the rules for it are being set is let go of', async t => {
  const set = Promise.withResolvers<void>();
  const users: number[][] = [];
  const { capturing, envoy } = stage({
    redirect: {
      async apply({ host }) {
        users.push(host.users.map(({ uid }) => uid));
        await (users.length > 1 && set.promise);
        return [];
      },
    },
  });
  envoy.resources = [listener(WEB, 'accepted'), listener(SHOP, 'accepted')];
  await capturing.follow([SHOP]);
  const round = capturing.follow([WEB, SHOP]);
  await eventually(
    'the rules are being set',
    () => users.length,
    count => count === 2,
  );
  const leaving = capturing.letGo([SHOP]);
  set.resolve();
  await Promise.all([round, leaving]);
  t.deepEqual(users, [[2002], [2001, 2002], [2002]]);
  t.deepEqual(capturing.captured(), [SHOP]);
});

test('who could not be let go of is so the next time', async t => {
  let fails = false;
  const users: number[][] = [];
  const { capturing, envoy } = stage({
    redirect: {
      async apply({ host }) {
        if (fails) throw new Error('nft is away');
        users.push(host.users.map(({ uid }) => uid));
        return [];
      },
    },
  });
  envoy.resources = [listener(WEB, 'accepted'), listener(SHOP, 'accepted')];
  await capturing.follow([WEB, SHOP]);
  fails = true;
  await t.throwsAsync(capturing.letGo([SHOP]), { message: 'nft is away' });
  t.deepEqual(capturing.captured(), [WEB, SHOP]);
  fails = false;
  await capturing.letGo([SHOP]);
  t.deepEqual(users, [[2001, 2002], [2002]]);
});

test('a policy is in force once nothing of its workload is refused; until then the one before is', async t => {
  const { capturing, envoy } = stage();
  const uid = WEB.input.local.workload.uid;
  const changed = { ...WEB, input: { ...WEB.input, policy: { ...WEB.input.policy!, revision: 'r2' } } };
  envoy.resources = [listener(WEB, 'accepted')];
  envoy.rejections = [refusalOf(WEB)];
  await capturing.follow([WEB]);
  t.is(capturing.inForce().get(uid), undefined);
  envoy.rejections = [];
  await capturing.follow([WEB]);
  t.is(capturing.inForce().get(uid), 'r1');
  envoy.rejections = [refusalOf(WEB)];
  await capturing.follow([changed]);
  t.is(capturing.inForce().get(uid), 'r1');
  envoy.rejections = [];
  await capturing.follow([changed]);
  t.is(capturing.inForce().get(uid), 'r2');
});

test('an Envoy that takes nothing leaves the rules as they are, and the status says why', async t => {
  const { capturing, rules } = stage({
    ads: { applied: () => Promise.reject(new Error('it is away')), status: () => ({ connections: 0, resources: [] }) },
  });
  t.is(await capturing.follow([WEB]), 'untaken');
  t.deepEqual(rules, []);
  t.is(capturing.status().reason, 'Envoy has not taken its config: it is away');
});

test('the end of the agent is no failure of Envoy', async t => {
  const over = AbortSignal.abort(new Error('over'));
  const { capturing } = stage({
    signal: over,
    ads: { applied: () => Promise.reject(new Error('it is away')), status: () => ({ connections: 0, resources: [] }) },
  });
  await t.throwsAsync(capturing.follow([WEB]), { message: 'over' });
  t.regex(capturing.status().reason ?? '', /^this agent has set no rules yet; /);
});
