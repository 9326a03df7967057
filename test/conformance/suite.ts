import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../eventually.ts';
import type { Fixture, SilentFixture } from './fixture.ts';
import { addressesOf, instances, type Watched, watch } from './watch.ts';

/** The promise of every adapter: its session ends so soon after it is told to, milliseconds. */
const CANCEL_MS = 100;
/** An instance that changes is followed within this, in half of the cases, milliseconds after the registry took the change. */
const LATENCY_MS = 30;
const MANY = 10_000;
/** Until connections and watches are gone at both ends. */
const LETTING_GO = { timeoutMs: 2000, pauseMs: 20 };

type Case = (t: ExecutionContext, fixture: Fixture) => Promise<void>;

/** What every adapter does, tried with its real server. */
export function conformance(kind: string, start: () => Promise<Fixture>): void {
  for (const [title, body] of Object.entries(CASES))
    test.serial(`${kind}: ${title}`, async t => {
      t.timeout(120_000);
      await using fixture = await start();
      await body(t, fixture);
    });
}

const CASES: Readonly<Record<string, Case>> = {
  'the first list is whole when it has synced': async (t, fixture) => {
    await fixture.put('reviews', instances(2));
    await fixture.put('ratings', instances(1, 100));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    t.like(watched.followed.status(), { services: 2, instances: 3, problems: [] });
    t.deepEqual(watched.of('reviews'), addressesOf(instances(2)));
    t.deepEqual(watched.warnings, []);
  },

  'instances and services come, change and go': async (t, fixture) => {
    await fixture.put('reviews', instances(2));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    const steps = [instances(3), instances(2, 1), instances(1, 1).map(one => ({ ...one, port: 9000 })), []];
    for (const [index, step] of steps.entries()) {
      await fixture.put('reviews', step);
      const wanted = step.length === 0 ? undefined : addressesOf(step);
      await watched.until(`step ${index}`, () => equal(watched.of('reviews'), wanted));
    }
    await fixture.put('later', instances(1, 7));
    await watched.until('a new service', () => equal(watched.of('later'), addressesOf(instances(1, 7))));
    t.is(watched.followed.status().staleSinceMs, undefined);
  },

  'what cannot be used is named and left out, and the others stay': async (t, fixture) => {
    await fixture.put('reviews', instances(2));
    await fixture.put('ratings', instances(1, 100));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    const says = await fixture.corrupt('reviews');
    await watched.until('the problem', status => status.problems.length > 0);
    const [problem, ...more] = watched.followed.status().problems;
    t.regex(`${problem?.where} ${problem?.why}`, says);
    t.deepEqual(more, []);
    t.deepEqual(watched.of('reviews'), addressesOf(instances(2)));
    t.true(
      watched.warnings.some(line => says.test(line)),
      watched.warnings.join('\n'),
    );
    await fixture.put('ratings', instances(2, 100));
    await watched.until('a change elsewhere', () => watched.of('ratings')?.length === 2);
    await fixture.put('reviews', instances(3));
    await watched.until('the end of the problem', status => status.problems.length === 0);
    t.deepEqual(watched.of('reviews'), addressesOf(instances(3)));
  },

  'a server that dies and comes back takes nothing away': async (t, fixture) => {
    await fixture.put('reviews', instances(2));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    const lost = neverLess(watched, 'reviews', 2);
    await fixture.kill();
    await watched.until('the loss', status => status.staleSinceMs !== undefined);
    t.like(watched.followed.status(), { services: 1, instances: 2, synced: true });
    await fixture.start();
    await watched.until('the return', status => status.staleSinceMs === undefined);
    t.deepEqual(lost(), []);
    await fixture.put('reviews', instances(3));
    await watched.until('a change after it', () => watched.of('reviews')?.length === 3);
  },

  'after longer than a session away, what went meanwhile goes then': async (t, fixture) => {
    await fixture.put('reviews', instances(2));
    await fixture.put('ratings', instances(1, 100));
    await fixture.put('details', instances(1, 200));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    await fixture.away();
    await fixture.put('reviews', instances(2, 1));
    await fixture.put('ratings', []);
    await delay(fixture.sessionMs * 1.5);
    t.like(watched.followed.status(), { services: 3, instances: 4 });
    t.is(typeof watched.followed.status().staleSinceMs, 'number');
    await fixture.back();
    await watched.until('the return', status => status.staleSinceMs === undefined);
    t.deepEqual(watched.of('reviews'), addressesOf(instances(2, 1)));
    t.is(watched.of('ratings'), undefined);
    t.deepEqual(watched.of('details'), addressesOf(instances(1, 200)));
  },

  'a list that breaks off takes nothing away': async (t, fixture) => {
    await fixture.put('reviews', instances(50));
    for (let index = 0; index < 40; index += 1)
      await fixture.put(`a-service-with-a-long-name-${index}`, instances(1, index));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    const [services, lost] = [watched.followed.status().services, neverLess(watched, 'reviews', 50)];
    for (const bytes of [600, 100, 1]) {
      await fixture.halve(bytes);
      await watched.until('the loss', status => status.staleSinceMs !== undefined || status.problems.length > 0);
      const tries = watched.warnings.length;
      t.is(watched.followed.status().services, services);
      await fixture.back();
      await watched.until('the return', status => status.staleSinceMs === undefined && status.problems.length === 0);
      t.true(tries > 0);
    }
    t.is(watched.followed.status().services, services);
    t.deepEqual(lost(), []);
  },

  [`${MANY} instances, and a change among them`]: async (t, fixture) => {
    await fixture.put('big', instances(MANY));
    await using watched = watch(fixture);
    const began = performance.now();
    await watched.until('the first list', status => status.synced && status.instances === MANY);
    t.log(`listed ${MANY} instances in ${Math.round(performance.now() - began)} ms`);
    const lost = neverLess(watched, 'big', MANY - 1);
    await fixture.put('big', instances(MANY, 1));
    const wanted = addressesOf(instances(MANY, 1));
    const changed = performance.now();
    await watched.until('the change', () => equal(watched.of('big'), wanted));
    t.log(`a change in ${Math.round(performance.now() - changed)} ms`);
    t.deepEqual(lost(), []);
  },

  'a change is followed at once': async (t, fixture) => {
    await fixture.put('reviews', instances(1));
    await fixture.put('ratings', instances(1));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    const took: number[] = [];
    for (let count = 2; count <= 30; count += 1) {
      // Not in step with anything of the adapter.
      await delay(Math.random() * 120);
      const seen = watched
        .until(`${count} instances`, () => watched.of('reviews')?.length === count)
        .then(() => performance.now());
      await fixture.put('reviews', instances(count));
      const written = performance.now();
      took.push(Math.max(0, (await seen) - written));
    }
    took.sort((a, b) => a - b);
    const [p50, worst] = [took[took.length >> 1]!, took.at(-1)!];
    t.log(`followed within ${p50.toFixed(1)} ms in half of the cases, ${worst.toFixed(1)} ms at worst`);
    t.true(p50 <= LATENCY_MS);
  },

  'it ends at once whenever it is told to, and leaves nothing': async (t, fixture) => {
    for (let index = 0; index < 20; index += 1) await fixture.put(`s${index}`, instances(20, index));
    const [before, held] = [resources(), await fixture.held()];
    for (const afterMs of [0, 1, 3, 10, 30, 100]) {
      // The middle one of three: another process may hold the processor for longer than this promise.
      const took: number[] = [];
      for (let time = 0; time < 3; time += 1) {
        const watched = watch(fixture);
        await delay(afterMs);
        took.push(await watched.stop());
      }
      const [, median] = took.sort((a, b) => a - b);
      t.true(median! < CANCEL_MS, `ended within ${median} ms when told after ${afterMs} ms`);
    }
    const watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    const took = await watched.stop();
    t.true(took < CANCEL_MS, `ended within ${took} ms`);
    const left = async (): Promise<{ here: object; there: number }> => ({
      here: grown(before, resources()),
      there: (await fixture.held()) - held,
    });
    const nothing = (found: Awaited<ReturnType<typeof left>>): boolean =>
      Object.keys(found.here).length === 0 && found.there <= 0;
    await eventually('nothing is left on either side', left, nothing, LETTING_GO);
  },

  'following at rest costs next to nothing': async (t, fixture) => {
    for (let index = 0; index < 20; index += 1) await fixture.put(`s${index}`, instances(20, index));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    await delay(500);
    const before = process.cpuUsage();
    await delay(5000);
    const { user, system } = process.cpuUsage(before);
    const percent = ((user + system) / 5_000_000) * 100;
    t.log(`${percent.toFixed(2)}% of a core`);
    t.true(percent < 1, `${percent}% of a core`);
  },
};

/** What every adapter does whose server can be connected and say nothing. @param withinMs how soon it must be noticed. */
export function silentConformance(kind: string, withinMs: number, start: () => Promise<SilentFixture>): void {
  test.serial(`${kind}: a server that falls silent is noticed, before and after the first list`, async t => {
    t.timeout(120_000);
    await using fixture = await start();
    await fixture.put('reviews', instances(2));
    await using watched = watch(fixture);
    await watched.until('the first list', status => status.synced);
    fixture.silence();
    const silent = performance.now();
    await watched.until('the loss', status => status.staleSinceMs !== undefined, withinMs);
    t.log(`noticed after ${((performance.now() - silent) / 1000).toFixed(1)} s`);
    const first = watched.followed.status().lastError;
    await watched.until(
      'a second one, by a server silent from the start',
      status => status.lastError !== first,
      withinMs,
    );
    t.like(watched.followed.status(), { services: 1, instances: 2 });
    await fixture.back();
    await watched.until('the return', status => status.staleSinceMs === undefined);
  });

  test.serial(`${kind}: it ends at once when the server is silent`, async t => {
    await using fixture = await start();
    await fixture.put('reviews', instances(2));
    fixture.silence();
    const held = await fixture.held();
    const before = resources();
    const watched = watch(fixture);
    // A client writes its question as soon as it is connected.
    const look = async (): Promise<{ held: number; connecting: boolean }> => ({
      held: await fixture.held(),
      connecting: resources().has('ConnectWrap'),
    });
    await eventually('it has asked', look, found => found.held > held && !found.connecting);
    const took = await watched.stop();
    t.true(took < CANCEL_MS, `ended within ${took} ms`);
    // The proxy, which is in this process too, sees the end of a connection once it reads again.
    await fixture.back();
    const left = (): object => grown(before, resources());
    await eventually('nothing is left', left, found => Object.keys(found).length === 0, LETTING_GO);
  });
}

/** Notes every batch at which a service had fewer instances. */
function neverLess(watched: Watched, service: string, count: number): () => string[] {
  const lost: string[] = [];
  void (async () => {
    for await (const _ of watched.followed.batches()) {
      const found = watched.of(service)?.length ?? 0;
      if (found < count) lost.push(`${found} instances of ${service}`);
    }
  })();
  return () => lost;
}

function equal(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** How many of each kind of thing keep this process alive. */
function resources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** What there is more of; immediates are the test's own turns. */
function grown(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(
    [...after]
      .map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const)
      .filter(([name, more]) => more > 0 && name !== 'Immediate'),
  );
}
