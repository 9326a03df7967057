import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import type { LocalWorkload, Platform, PlatformProblem, PlatformState } from '../../platforms/platform.ts';
import { followWorkloads } from './follow.ts';

function workload(uid: string, platform: string): LocalWorkload {
  return {
    workload: {
      uid,
      name: uid,
      namespace: 'default',
      serviceAccount: uid,
      labels: {},
      addresses: [],
      ports: [],
      platform,
      services: [],
      health: 'healthy',
    },
    selector: { kind: 'user', uid: 2001 },
  };
}

const NOTHING = { of: () => [], remember: () => undefined };

/** A platform whose sessions are scripts: each yields its states, then throws, the last one waits. */
function scripted(kind: string, ...sessions: PlatformState[][]): Platform {
  return {
    kind,
    async *watch(signal) {
      yield* sessions.shift() ?? [];
      if (sessions.length > 0) throw new Error(`${kind} went away`);
      if (signal.aborted) return;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    },
  };
}

test('workloads of all platforms come together, twins are named, a failing platform keeps its own', async t => {
  const controller = new AbortController();
  const seen: { uids: string[]; problems: readonly PlatformProblem[] }[] = [];
  const a = workload('h/default/a', 'one');
  const late = workload('h/default/late', 'one').workload;
  let waits: readonly unknown[] = [];
  const platforms = [
    scripted('one', [{ workloads: [a], problems: [] }], [{ workloads: [a], problems: [], waiting: [late] }]),
    scripted('two', [{ workloads: [workload('h/default/a', 'two'), workload('h/default/b', 'two')], problems: [] }]),
  ];
  const reasons: unknown[] = [];
  await followWorkloads({
    platforms,
    ownPorts: [],
    remembered: NOTHING,
    signal: controller.signal,
    logger: { ...silentLogger, warn: (_, { reason } = {}) => reason !== undefined && reasons.push(reason) },
    clock: { now: () => 0, sleep: () => Promise.resolve() },
    onChange(workloads, problems, waiting) {
      waits = waiting;
      seen.push({ uids: workloads.map(one => one.workload.uid), problems });
      if (reasons.length > 0 && problems.length === 1) controller.abort();
    },
  });
  t.deepEqual(reasons, ['one went away']);
  t.deepEqual(waits, [late]);
  for (const one of seen) t.deepEqual(one.uids, ['h/default/a', 'h/default/b']);
  t.true(seen.some(one => one.problems.some(problem => problem.why.includes('rename one'))));
});

test('why a platform fails is warned of once until it is back', async t => {
  const controller = new AbortController();
  const failures = ['no folder', 'no folder', 'no rights', undefined, 'no rights'];
  const platform: Platform = {
    kind: 'one',
    async *watch() {
      if (failures.length === 0) return controller.abort();
      const why = failures.shift();
      yield* why === undefined ? [{ workloads: [], problems: [] }] : [];
      throw new Error(why ?? 'it ended');
    },
  };
  const reasons: unknown[] = [];
  await followWorkloads({
    platforms: [platform],
    ownPorts: [],
    remembered: NOTHING,
    signal: controller.signal,
    logger: { ...silentLogger, warn: (_, fields) => reasons.push(fields?.['reason']) },
    clock: { now: () => 0, sleep: () => Promise.resolve() },
    onChange: () => undefined,
  });
  t.deepEqual(reasons, ['no folder', 'no rights', 'it ended', 'no rights']);
});

test('a port of the mesh itself is left out and named; the others stay', async t => {
  const controller = new AbortController();
  const made = workload('h/default/a', 'one');
  const ports = [8080, 15_006].map(number => ({ number, name: `p${number}`, protocol: 'tcp' as const }));
  const state = { workloads: [{ ...made, workload: { ...made.workload, ports } }], problems: [] };
  await followWorkloads({
    platforms: [scripted('one', [state])],
    ownPorts: [15_006, 15_008],
    remembered: NOTHING,
    signal: controller.signal,
    logger: silentLogger,
    onChange([local], [problem]) {
      t.deepEqual(local?.workload.ports, [ports[0]!]);
      t.is(problem?.where, 'workload h/default/a');
      t.regex(problem!.why, /^its port 15006 is the mesh's own/);
      controller.abort();
    },
  });
});

test('the log tells of each problem once, as long as it stays', async t => {
  const controller = new AbortController();
  const problem = { where: 'workloads.d/a.yaml', why: 'this host has no user "a"' };
  const state = (...problems: PlatformProblem[]): PlatformState => ({ workloads: [], problems });
  const many = Array.from({ length: 25 }, (_, index) => ({ where: `${index}.yaml`, why: 'is empty' }));
  const states = [state(problem), state(problem), state(), state(problem), state(...many)];
  const said: string[] = [];
  let left = states.length;
  await followWorkloads({
    platforms: [scripted('one', states)],
    ownPorts: [],
    remembered: NOTHING,
    signal: controller.signal,
    logger: { ...silentLogger, warn: (_, { where, count } = {}) => said.push(String(where ?? count)) },
    onChange() {
      left -= 1;
      if (left === 0) controller.abort();
    },
  });
  const first = many.slice(0, 20).map(({ where }) => where);
  t.deepEqual(said, [problem.where, problem.where, ...first, '5']);
});

test('what a platform cannot read stays as it was last named, also in an earlier life', async t => {
  const [a, b, c] = ['a', 'b', 'c'].map(name => workload(`h/default/${name}`, 'one'));
  const states: PlatformState[] = [
    { workloads: [a!], problems: [], partly: true },
    { workloads: [c!], problems: [], partly: true },
    { workloads: [c!], problems: [] },
  ];
  const controller = new AbortController();
  const seen: string[] = [];
  const kept: [string, number][] = [];
  await followWorkloads({
    platforms: [scripted('other', [{ workloads: [], problems: [] }]), scripted('one', [], states)],
    ownPorts: [],
    remembered: {
      of: platform => (platform === 'one 0' ? [a!, b!] : []),
      remember: (platform, workloads) => kept.push([platform, workloads.length]),
    },
    signal: controller.signal,
    logger: silentLogger,
    clock: { now: () => 0, sleep: () => Promise.resolve() },
    onChange(workloads) {
      seen.push(workloads.map(({ workload: { name } }) => name.at(-1)).join(''));
      if (seen.at(-1) === 'c') controller.abort();
    },
  });
  t.deepEqual(seen, ['ab', 'ab', 'abc', 'c']);
  t.deepEqual(kept, [
    ['other 0', 0],
    ['one 0', 2],
    ['one 0', 3],
    ['one 0', 1],
  ]);
});

for (const [what, session, grow] of [
  ['says nothing is tried again less and less often', [], true],
  ['works and fails again is tried again soon each time', [{ workloads: [], problems: [] }], false],
] as const)
  test(`a platform that ${what}`, async t => {
    const controller = new AbortController();
    const waits: number[] = [];
    const sleep = async (ms: number): Promise<void> => {
      waits.push(ms);
      if (waits.length === 6) controller.abort();
    };
    await followWorkloads({
      platforms: [scripted('one', ...Array.from({ length: 7 }, () => [...session]))],
      ownPorts: [],
      remembered: NOTHING,
      signal: controller.signal,
      logger: silentLogger,
      clock: { now: () => 0, sleep },
      onChange: () => undefined,
    });
    const bounds = waits.map((_, index) => (grow ? 200 * 2 ** index : 200));
    for (const [index, bound] of bounds.entries())
      t.true(waits[index]! >= bound / 2 && waits[index]! <= bound, `${waits.join(', ')} ms`);
  });
