import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import type { LocalWorkload, PlatformState, Selector } from '../platform.ts';
import { readWorkload } from './document.ts';
import { LinuxPlatform, linuxKind } from './linux.ts';
import type { System } from './system.ts';

interface World {
  readonly folder: string;
  readonly users: Map<string, number>;
  /** Whether the host can tell of its users. */
  readonly directory: { away: boolean };
  readonly namespaces: Map<string, string>;
  /** Of every namespace. */
  readonly addresses: string[];
  /** The first state that fits, from now on. */
  until(fits: (state: PlatformState) => boolean): Promise<PlatformState>;
  write(file: string, text: string): Promise<void>;
}

const user = (uid: number): Selector => ({ kind: 'user', uid });

/** @param earlier what was named last in an earlier life. */
async function begin(t: ExecutionContext, folder?: string, earlier?: readonly LocalWorkload[]): Promise<World> {
  const own = folder ?? makeFolder('linux');
  const stop = new AbortController();
  const users = new Map<string, number>();
  const directory = { away: false };
  const namespaces = new Map<string, string>();
  const addresses = ['172.30.1.2'];
  const system: System = {
    async uidOf(user) {
      if (directory.away) throw new Error('getent timed out');
      return users.get(user);
    },
    userOf: async uid => [...users].find(([, each]) => each === uid)?.[0],
    namespaceId: async path => namespaces.get(path),
    addressesIn: async () => [...addresses],
  };
  const states = new LinuxPlatform(own, 'a', system).watch(stop.signal, earlier);
  t.teardown(async () => {
    stop.abort();
    await states.next().catch(() => undefined);
    await rm(own, { recursive: true, force: true });
  });
  return {
    folder: own,
    users,
    directory,
    namespaces,
    addresses,
    async until(fits) {
      for (;;) {
        const { value, done } = await states.next();
        if (done) throw new Error('ended');
        if (fits(value)) return value;
      }
    },
    write: (file, text) => writeFile(join(own, file), text),
  };
}

const names = (state: PlatformState): string[] => state.workloads.map(({ workload }) => workload.name);

test('files come, change and go', async t => {
  const world = await begin(t);
  t.deepEqual(await world.until(() => true), { workloads: [], problems: [] });
  await world.write('web.yaml', 'name: web\nselector: {user: 2001}');
  t.deepEqual((await world.until(state => names(state).includes('web'))).workloads[0]?.selector, {
    kind: 'user',
    uid: 2001,
  });
  await world.write('web.yaml', 'name: web\nselector: {user: 2001}\nports: [{port: 80}]');
  await world.until(state => state.workloads[0]?.workload.ports.length === 1);
  await rm(join(world.folder, 'web.yaml'));
  await world.until(state => names(state).length === 0);
});

test('a bad file is one problem, and the others stay', async t => {
  const world = await begin(t);
  await world.write('a.yaml', 'name: a\nselector: {user: 2001}');
  await world.write('b.yaml', 'name: B\nselector: {user: 2002}\nport: 1');
  const state = await world.until(({ workloads, problems }) => workloads.length === 1 && problems.length === 1);
  t.deepEqual(names(state), ['a']);
  t.is(state.problems[0]?.where, `${world.folder}/b.yaml:1`);
  t.regex(state.problems[0]!.why, /line 3: port: is not a field/);
});

test('a file that becomes bad keeps its last good workload, with the problem named', async t => {
  const world = await begin(t);
  await world.write('web.yaml', 'name: web\nselector: {user: 2001}');
  await world.until(state => names(state).includes('web'));
  await world.write('web.yaml', 'name: web\nselector: {usr: 2001}');
  const state = await world.until(({ problems }) => problems.length === 1);
  t.deepEqual(names(state), ['web']);
  t.regex(state.problems[0]!.why, /did you mean "user"\?.*what the file said before stays in force/);
  await world.write('web.yaml', '');
  t.deepEqual(names(await world.until(({ problems }) => problems[0]?.why.includes('is empty') === true)), ['web']);
  await world.write('web.yaml', 'name: web2\nselector: {user: 2001}');
  t.deepEqual((await world.until(state => names(state).includes('web2'))).problems, []);
});

test('a file that an editor replaces by renaming is never seen gone', async t => {
  const world = await begin(t);
  await world.write('web.yaml', 'name: web\nselector: {user: 2001}');
  await world.until(state => names(state).includes('web'));
  const seen: string[][] = [];
  for (let port = 1; port <= 5; port += 1) {
    await rename(join(world.folder, 'web.yaml'), join(world.folder, 'web.yaml~'));
    await world.write('.web.yaml.swp', 'name: nonsense');
    await world.write('web.yaml', `name: web\nselector: {user: 2001}\nports: [{port: ${port}}]`);
    await world.until(state => {
      seen.push(names(state));
      return state.workloads[0]?.workload.ports[0]?.number === port;
    });
  }
  t.true(seen.every(list => list.join() === 'web'));
});

test('two files for one workload, or one user: the first stays, both are named', async t => {
  const world = await begin(t);
  await world.write('z.yaml', 'name: web\nselector: {user: 2001}');
  await world.until(state => names(state).includes('web'));
  await world.write('a.yaml', 'name: web\nselector: {user: 2002}');
  const twice = await world.until(({ problems }) => problems.length === 1);
  t.deepEqual(twice.workloads[0]?.selector, { kind: 'user', uid: 2001 });
  t.is(twice.problems[0]?.where, `${world.folder}/a.yaml`);
  t.regex(twice.problems[0]!.why, /workload a\/default\/web is that of .*z\.yaml already/);
  await world.write('a.yaml', 'name: other\nselector: {user: 2001}');
  t.regex(
    (await world.until(({ problems }) => /user/.test(problems[0]?.why ?? ''))).problems[0]!.why,
    /user 2001 is that of .*z\.yaml/,
  );
  await rm(join(world.folder, 'z.yaml'));
  t.deepEqual((await world.until(state => names(state).includes('other'))).problems, []);
});

test('a file that is changed to the user of another workload takes it from none, and stays as it was', async t => {
  const folder = makeFolder('linux');
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = (name: string, uid: number): string => `name: ${name}\nselector: {user: ${uid}}`;
  const earlier = [
    { workload: readWorkload(file('a', 1), 'a.yaml', 'a').workload, selector: user(2001) },
    { workload: readWorkload(file('b', 1), 'b.yaml', 'a').workload, selector: user(2002) },
  ];
  const uids = ({ workloads }: PlatformState): readonly unknown[] => workloads.map(({ selector }) => selector);
  await writeFile(join(folder, 'a.yaml'), file('a', 2002));
  await writeFile(join(folder, 'b.yaml'), file('b', 2002));
  const world = await begin(t, folder, earlier);
  const slipped = /^user 2002 is that of .*b\.yaml already; the workload stays user 2001, as it was: correct the file$/;
  const first = await world.until(() => true);
  t.deepEqual(uids(first), [user(2001), user(2002)]);
  t.regex(first.problems[0]!.why, slipped);
  await world.write('a.yaml', file('a', 2001));
  await world.until(({ problems }) => problems.length === 0);
  await world.write('a.yaml', file('a', 2002));
  const again = await world.until(({ problems }) => problems.length === 1);
  t.deepEqual(uids(again), [user(2001), user(2002)]);
  t.regex(again.problems[0]!.why, slipped);
  await world.write('b.yaml', file('b', 2001));
  t.deepEqual(uids(await world.until(({ problems }) => problems.length === 0)), [user(2002), user(2001)]);
});

test('two paths to one network namespace are one workload, or each would call in the name of the other', async t => {
  const world = await begin(t);
  world.namespaces.set('/run/netns/pod', '4:77').set('/var/run/netns/pod', '4:77');
  await world.write('a.yaml', 'name: a\nselector: {networkNamespace: pod}');
  await world.write('b.yaml', 'name: b\nselector: {networkNamespace: /var/run/netns/pod}');
  const state = await world.until(({ problems }) => problems.length === 1);
  t.deepEqual(names(state), ['a']);
  t.regex(state.problems[0]!.why, /^network namespace 4:77 is that of .*a\.yaml already/);
});

test('a workload waits for its user and its namespace', async t => {
  const world = await begin(t);
  await world.write('a.yaml', 'name: a\nselector: {user: late}');
  await world.write('b.yaml', 'name: b\nselector: {networkNamespace: /run/netns/late}');
  const waiting = await world.until(({ problems }) => problems.length === 2);
  t.regex(waiting.problems.map(({ why }) => why).join(), /no user "late".*no network namespace at \/run\/netns\/late/);
  t.deepEqual(
    waiting.waiting?.map(({ name }) => name),
    ['a', 'b'],
  );
  world.users.set('late', 2005);
  world.namespaces.set('/run/netns/late', '1');
  const { workloads, waiting: none } = await world.until(state => names(state).length === 2);
  t.deepEqual(
    workloads.map(({ selector }) => selector),
    [
      { kind: 'user', uid: 2005 },
      { kind: 'namespace', path: '/run/netns/late', id: '1' },
    ],
  );
  t.deepEqual(workloads[1]?.workload.addresses, ['172.30.1.2']);
  t.is(none, undefined);
  world.users.set('late', 0);
  t.regex((await world.until(({ problems }) => problems.length === 1)).problems[0]!.why, /is root/);
});

test('a user keeps its uid while nobody can tell it, and loses it to another who has it now', async t => {
  const world = await begin(t);
  world.users.set('web', 2005);
  const uids = ({ workloads }: PlatformState): string =>
    workloads.map(({ selector }) => (selector.kind === 'user' ? selector.uid : '')).join();
  await world.write('web.yaml', 'name: web\nselector: {user: web}');
  await world.until(state => uids(state) === '2005');
  world.directory.away = true;
  await world.write('b.yaml', 'name: b\nselector: {user: 2006}');
  await world.until(state => uids(state) === '2006,2005');
  world.directory.away = false;
  world.users.delete('web');
  await world.write('c.yaml', 'name: c\nselector: {user: 2007}');
  await world.until(state => uids(state) === '2006,2007,2005');
  world.users.set('other', 2005);
  await world.write('c.yaml', 'name: c\nselector: {user: 2008}');
  const { problems } = await world.until(state => uids(state) === '2006,2008');
  t.regex(problems[0]?.why ?? '', /no user "web", and 2005, which the workload was, is "other"; the workload waits/);
});

test('a workload whose user cannot be found stays the user that it was, in an earlier life too, and that is told', async t => {
  const folder = makeFolder('linux');
  const file = 'name: web\nselector: {user: web}';
  await writeFile(join(folder, 'web.yaml'), file);
  const earlier = { workload: readWorkload(file, 'web.yaml', 'a').workload, selector: user(2005) };
  const stays = /^this host has no user "wob"; the workload stays user 2005, as it was: make the user, or correct/;
  for (const away of [true, false]) {
    const world = await begin(t, folder, [earlier]);
    world.directory.away = away;
    const { workloads, problems } = await world.until(() => true);
    t.deepEqual(workloads[0]?.selector, user(2005));
    t.regex(
      problems[0]!.why,
      away ? /^cannot find user "web": getent timed out; the workload stays/ : /^this host has no/,
    );
    world.directory.away = false;
    world.users.set('web', 2006);
    t.deepEqual((await world.until(state => state.problems.length === 0)).workloads[0]?.selector, user(2006));
    world.users.delete('web');
    await world.write('web.yaml', file.replace('user: web', 'user: 2005'));
    await world.until(({ workloads: [found] }) => isDeepStrictEqual(found?.selector, user(2005)));
    await world.write('web.yaml', file.replace('user: web', 'user: wob'));
    const typo = await world.until(state => state.problems.length === 1);
    t.deepEqual(typo.workloads[0]?.selector, user(2005));
    t.regex(typo.problems[0]!.why, stays);
    world.users.set('heir', 2005);
    await world.until(state => state.workloads.length === 0);
    await world.write('web.yaml', file);
  }
});

test('a folder may come later; one that is gone is not an empty one', async t => {
  const parent = makeFolder('linux');
  t.teardown(() => rm(parent, { recursive: true, force: true }));
  const world = await begin(t, join(parent, 'workloads.d'));
  for (const name of ['one', 'two']) {
    const gone = await world.until(({ partly }) => partly === true);
    t.deepEqual([gone.problems[0]?.where, gone.problems.length], [world.folder, 1]);
    t.regex(gone.problems[0]!.why, /is not there; its workloads stay as they were last seen: make it/);
    await mkdir(world.folder);
    await world.write('web.yaml', `name: ${name}\nselector: {user: 2001}`);
    t.is((await world.until(state => names(state).includes(name))).partly, undefined);
    await rm(world.folder, { recursive: true });
  }
  await mkdir(world.folder);
  t.deepEqual(await world.until(({ partly }) => partly !== true), { workloads: [], problems: [] });
});

test('a file that was broken before it was ever read may have named any workload; one that comes broken named none', async t => {
  const folder = makeFolder('linux');
  await writeFile(join(folder, 'web.yaml'), 'name: [');
  const world = await begin(t, folder);
  t.true((await world.until(() => true)).partly);
  await world.write('web.yaml', 'name: web\nselector: {user: 2001}');
  t.is((await world.until(state => names(state).includes('web'))).partly, undefined);
  await world.write('more.yaml', 'name: [');
  t.is((await world.until(({ problems }) => problems.length === 1)).partly, undefined);
});

test('ends at once when told, and says why', async t => {
  const folder = makeFolder('linux');
  t.teardown(() => rm(folder, { recursive: true }));
  const stop = new AbortController();
  const states = new LinuxPlatform(folder, 'a').watch(stop.signal);
  await states.next();
  const next = states.next();
  const started = performance.now();
  stop.abort(new Error('enough'));
  await t.throwsAsync(next, { message: 'enough' });
  // A machine under load is slow; without the signal it would take ten seconds.
  t.true(performance.now() - started < 1000);
});

test('settings are checked', t => {
  t.throws(() => linuxKind.create({ folder: '/x' }, 'platforms[0]', { name: 'a', configDir: '/x' }), {
    message: /platforms\[0\]\.folder: is not a field/,
  });
});

test('unless told otherwise, workloads are those below the folder that configures the agent', async t => {
  const configDir = makeFolder('etc');
  t.teardown(() => rm(configDir, { recursive: true }));
  await mkdir(join(configDir, 'workloads.d'));
  await writeFile(join(configDir, 'workloads.d', 'web.yaml'), 'name: web\nselector: {user: daemon}\n');
  const platform = linuxKind.create({}, 'platforms[0]', { name: 'a', configDir });
  for await (const { workloads } of platform.watch(AbortSignal.timeout(10_000), [])) {
    t.deepEqual(
      workloads.map(({ workload }) => workload.uid),
      ['a/default/web'],
    );
    break;
  }
});

test('a namespace that gets the number of one that is gone has addresses of its own', async t => {
  const world = await begin(t);
  await world.write('web.yaml', 'name: web\nselector: {networkNamespace: web}');
  world.namespaces.set('/run/netns/web', '4-4026532500');
  const before = await world.until(state => names(state).includes('web'));
  t.deepEqual(before.workloads[0]?.workload.addresses, ['172.30.1.2']);
  world.namespaces.clear();
  await world.until(state => names(state).length === 0);
  world.addresses.splice(0, 1, '172.30.1.9');
  world.namespaces.set('/run/netns/web', '4-4026532500');
  const after = await world.until(state => names(state).includes('web'));
  t.deepEqual(after.workloads[0]?.workload.addresses, ['172.30.1.9']);
});
