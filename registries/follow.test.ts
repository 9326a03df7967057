import test from 'ava';
import { begin, HeldClock, SYNCED, service, settle } from './fixture.ts';
import { follow } from './follow.ts';
import type { FollowedService } from './mapping.ts';
import type { Registry, RegistryEvent } from './registry.ts';

test('what a new session does not mention is removed when it has synced, and not before', async t => {
  const { script, clock, followed, stop, addresses } = begin();
  await script.say(service('a', ['1']), service('b', ['2']), SYNCED);
  t.deepEqual(addresses(), { '/a': ['1'], '/b': ['2'] });
  await script.say(new Error('gone away'));
  t.like(followed.status(), {
    synced: true,
    staleSinceMs: 1_000_000,
    lastError: 'gone away',
    services: 2,
    instances: 2,
  });
  await clock.advance(50);
  t.is(script.sessions, 2);
  await script.say(service('b', ['3']));
  t.deepEqual(addresses(), { '/a': ['1'], '/b': ['3'] }, 'the list is not complete yet');
  t.is(followed.status().staleSinceMs, 1_000_000);
  await script.say(SYNCED);
  t.deepEqual(addresses(), { '/b': ['3'] });
  t.false('staleSinceMs' in followed.status());
  t.false('lastError' in followed.status());
  stop();
  await followed.ended;
  t.is(script.ended, 2);
  t.is(clock.sleepers, 0);
});

test('a session that breaks off in its list removes nothing, and tries come ever later until one holds', async t => {
  const { script, clock, followed, stop, addresses } = begin();
  await script.say(service('a', ['1']), service('b', ['2']), SYNCED);
  // Half of the doubling bound, since the random part is held at 0.
  for (const [tries, wait] of [50, 100, 200, 400, 500, 500].entries()) {
    await script.say(service('a', ['1']), new Error('half a list'));
    t.is(script.sessions, tries + 1);
    await clock.advance(wait - 1);
    t.is(script.sessions, tries + 1, `waits ${wait} ms`);
    await clock.advance(1);
    t.is(script.sessions, tries + 2, `and no longer than ${wait} ms`);
  }
  t.deepEqual(addresses(), { '/a': ['1'], '/b': ['2'] });
  t.is(followed.status().staleSinceMs, 1_000_000, 'since the first break');
  await script.say(SYNCED, new Error('again'));
  await clock.advance(499);
  t.is(script.sessions, 7, 'it broke right after its list');
  await clock.advance(1);
  await script.say(SYNCED);
  await clock.advance(1000);
  await script.say(new Error('again'));
  await clock.advance(50);
  t.is(script.sessions, 9, 'the first wait is short again');
  stop();
  await followed.ended;
});

test('a service without instances is gone, unless it is declared', async t => {
  const { script, followed, stop, addresses } = begin();
  await script.say(service('a', ['1']), service('b', [], { keep: true }), SYNCED, service('a', []));
  t.deepEqual(addresses(), { '/b': [] });
  stop();
  await followed.ended;
});

test('a service that cannot be read stays, through the end of the list too', async t => {
  const { script, clock, followed, stop, addresses } = begin();
  await script.say(service('a', ['1']), SYNCED, new Error('x'));
  await clock.advance(50);
  await script.say({ type: 'unreadable', name: 'a', problem: { where: 'a', why: 'no right' } }, SYNCED);
  t.deepEqual(addresses(), { '/a': ['1'] });
  t.deepEqual(followed.status().problems, [{ where: 'a', why: 'no right' }]);
  await script.say(service('a', ['1']));
  t.deepEqual(followed.status().problems, []);
  stop();
  await followed.ended;
});

/** What an earlier life knew: a service of one instance under each key. */
async function knownBefore(...names: readonly string[]): Promise<ReadonlyMap<string, FollowedService>> {
  const { script, followed, stop } = begin();
  await script.say(...names.map(name => service(name, ['old'])), SYNCED);
  stop();
  return new Map(followed.state());
}

test('what an earlier life knew stays until all was seen, and what cannot be read is not known to be gone', async t => {
  const { script, clock, addresses, stop } = begin(undefined, { remembered: await knownBefore('a', 'b', 'c') });
  t.deepEqual(addresses(), { '/a': ['old'], '/b': ['old'], '/c': ['old'] });
  const unreadable: RegistryEvent = { type: 'unreadable', name: 'a', problem: { where: 'a', why: 'no right' } };
  await script.say(unreadable, service('b', ['1']), { type: 'synced', partly: true });
  t.deepEqual(addresses(), { '/a': ['old'], '/b': ['1'], '/c': ['old'] }, 'c may be in what could not be read');
  await script.say(SYNCED);
  t.deepEqual(addresses(), { '/a': ['old'], '/b': ['1'] });
  await script.say(unreadable, new Error('lost'));
  await clock.advance(50);
  await script.say(service('b', ['1']), SYNCED);
  t.deepEqual(addresses(), { '/b': ['1'] }, 'a new list does not name it');
  stop();
});

for (const [what, list] of [
  ['names little', [service('d', ['4'])]],
  ['says that most is empty', [service('a', []), service('b', []), service('c', []), service('d', ['4'])]],
] as const)
  for (const isFirst of [false, true])
    test(`a list that ${what} of what a registry had ${isFirst ? 'in an earlier life ' : ''}is doubted for five minutes`, async t => {
      const remembered = isFirst ? await knownBefore('a', 'b', 'c', 'd') : new Map<string, FollowedService>();
      const { script, clock, followed, warnings, addresses, stop } = begin(undefined, {
        isForgetful: true,
        remembered,
      });
      if (!isFirst) {
        await script.say(...['a', 'b', 'c', 'd'].map(name => service(name, ['old'])), SYNCED, new Error('lost'));
        await clock.advance(50);
      }
      warnings.length = 0;
      await script.say(...list, SYNCED);
      t.deepEqual(addresses(), { '/a': ['old'], '/b': ['old'], '/c': ['old'], '/d': ['4'] });
      const [problem, ...more] = followed.status().problems;
      t.deepEqual([problem?.where, more], ['the list of services', []]);
      t.regex(problem?.why ?? '', /^it lacked 3 of 4 services at once, .*; 3 of them stay as they were until 1970-/);
      t.deepEqual(warnings, ['problem in the registry: the list of services']);
      await script.say(service('a', ['1']), service('b', []));
      t.deepEqual(addresses(), { '/a': ['1'], '/c': ['old'], '/d': ['4'] }, 'what it says afterwards is its word');
      await script.say(new Error('lost again'));
      await clock.advance(100);
      await script.say(service('a', ['1']), service('d', ['4']), SYNCED);
      t.deepEqual(addresses(), { '/a': ['1'], '/c': ['old'], '/d': ['4'] }, 'still doubted');
      await clock.advance(300_000);
      t.deepEqual(addresses(), { '/a': ['1'], '/d': ['4'] });
      t.deepEqual(followed.status().problems, []);
      stop();
    });

test('a list that lacks no more than half, or few services, is believed; and so is what comes after it', async t => {
  const { script, clock, addresses, stop } = begin(undefined, { isForgetful: true });
  const [a, b, c, d, e, f] = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => service(name, ['1'])) as RegistryEvent[];
  await script.say(a!, b!, c!, d!, e!, f!, SYNCED, new Error('lost'));
  await clock.advance(50);
  await script.say(a!, b!, c!, SYNCED);
  t.deepEqual(Object.keys(addresses()), ['/a', '/b', '/c']);
  await script.say(service('a', []), new Error('lost'));
  await clock.advance(100);
  await script.say(SYNCED);
  t.deepEqual(addresses(), {}, 'two services are few');
  await script.say(a!, b!, c!, service('a', []), service('b', []), service('c', []));
  t.deepEqual(addresses(), {}, 'whoever takes them out says so one by one');
  stop();
});

test('a session that says nothing before it has synced is given up; after that silence is fine', async t => {
  const { script, clock, followed, stop } = begin();
  await settle();
  await clock.advance(4000);
  await script.say(service('a', ['1']));
  await clock.advance(4000);
  t.is(script.ended, 0, 'it said something not long ago');
  await clock.advance(5000);
  t.is(script.ended, 1);
  t.is(followed.status().lastError, 'no answer for 5000 ms before the first list was complete');
  await clock.advance(50);
  t.is(script.sessions, 2);
  await script.say(service('a', ['1']), SYNCED);
  await clock.advance(1_000_000);
  t.deepEqual([script.sessions, script.ended], [2, 1]);
  stop();
  await followed.ended;
});

for (const byMs of [-3_600_000, 3_600_000])
  test(`a time of day that is set by ${byMs} ms neither holds a silent session nor ends another`, async t => {
    const { script, clock, followed, stop } = begin();
    await settle();
    await clock.advance(2000);
    await script.say(service('a', ['1']));
    clock.set(byMs);
    await clock.advance(3000);
    t.is(script.ended, 0);
    await clock.advance(5000);
    t.is(script.ended, 1);
    stop();
    await followed.ended;
  });

test('an adapter that does not end when told is left to itself', async t => {
  const clock = new HeldClock();
  const controller = new AbortController();
  let sessions = 0;
  const registry: Registry = {
    kind: 'deaf',
    async *watch() {
      sessions += 1;
      await new Promise(() => undefined);
      yield SYNCED;
    },
  };
  const followed = follow({ name: 'deaf', registry }, { signal: controller.signal, clock, syncTimeoutMs: 5000 });
  await clock.advance(5000);
  await clock.advance(1000);
  await clock.advance(100);
  t.is(sessions, 2);
  controller.abort();
  await clock.advance(1000);
  await followed.ended;
  t.is(clock.sleepers, 0);
});

test('100,000 changes of ten services become a few batches, and none is lost', async t => {
  const { script, followed, stop, addresses } = begin();
  const reading = new AbortController();
  const batches: number[] = [];
  const done = (async () => {
    for await (const batch of followed.batches(reading.signal)) batches.push(batch.size);
  })();
  const events = Array.from({ length: 100_000 }, (_, index) => service(`s${index % 10}`, [`a${index}`]));
  await script.say(...events.slice(0, 50_000));
  await script.say(...events.slice(50_000), SYNCED);
  while (Object.keys(addresses()).length < 10 || addresses()['/s9']![0] !== 'a99999') await settle();
  await settle();
  reading.abort();
  await done;
  t.true(batches.length < 50, `${batches.length} batches`);
  t.true(batches.every(size => size <= 10));
  stop();
  await followed.ended;
});

test('a batch names what changed and only that; a list that says the same again changes nothing', async t => {
  const { script, clock, followed, stop } = begin();
  await script.say(service('a', ['1']), service('b', ['2']), SYNCED);
  const batches = followed.batches()[Symbol.asyncIterator]();
  t.deepEqual([...(await batches.next()).value!], ['/a', '/b'], 'the first names all there is');
  await script.say(service('a', ['1']), service('b', ['3']));
  t.deepEqual([...(await batches.next()).value!], ['/b']);
  await script.say(new Error('x'));
  t.deepEqual([...(await batches.next()).value!], [], 'the status changed');
  await clock.advance(50);
  await script.say(service('a', ['1']), service('b', ['3']), SYNCED);
  t.deepEqual([...(await batches.next()).value!], []);
  await script.say(service('b', []));
  t.deepEqual([...(await batches.next()).value!], ['/b'], 'it went');
  await script.say({ type: 'synced', partly: true });
  t.deepEqual([...(await batches.next()).value!], [], 'it is not known whether all is there');
  await script.say(SYNCED);
  t.deepEqual([...(await batches.next()).value!], [], 'it is known again');
  await script.say(new Error('x'));
  await clock.advance(100);
  await script.say(SYNCED);
  t.deepEqual([...(await batches.next()).value!], ['/a'], 'it went meanwhile');
  stop();
  t.true((await batches.next()).done);
  await followed.ended;
});

test('settings rename, place and give ports; a name that is no part of a hostname is a problem', async t => {
  const port = { number: 9080, name: 'http', protocol: 'http' as const };
  const mapping = { namespace: 'prod', services: new Map([['web_1', { name: 'web', ports: [port] }]]) };
  const { script, followed, warnings, stop } = begin(mapping);
  await script.say(
    service('web_1', ['1']),
    service('Api', ['2'], { namespace: 'other' }),
    service('a_b', ['3']),
    SYNCED,
  );
  t.deepEqual(
    [...followed.state().values()].map(one => [one.name, one.namespace, one.ports]),
    [
      ['web', 'prod', [port]],
      ['api', 'other', undefined],
    ],
  );
  t.is(followed.status().problems[0]?.where, 'a_b');
  t.deepEqual(warnings, ['problem in the registry: a_b']);
  stop();
  await followed.ended;
});

test('a problem is told once, and again only when it is another', async t => {
  const { script, clock, followed, warnings, stop } = begin();
  const bad = (why: string): RegistryEvent => service('a', ['1'], { problems: [{ where: `a/${why}`, why }] });
  await script.say(bad('x'), bad('x'), SYNCED, new Error('lost'));
  await clock.advance(50);
  await script.say(bad('x'), SYNCED, { type: 'problems', problems: [{ where: 'all', why: 'y' }] }, bad('z'));
  t.deepEqual(warnings, [
    'problem in the registry: a/x',
    'registry lost; its last known services stay: lost',
    'problem in the registry: all',
    'problem in the registry: a/z',
  ]);
  t.deepEqual(
    followed
      .status()
      .problems.map(problem => problem.where)
      .sort(),
    ['a/z', 'all'],
  );
  stop();
  await followed.ended;
});

test('a problem of the registry as a whole is over when a new session has synced without it', async t => {
  const { script, clock, followed, stop } = begin();
  const problems = [{ where: '/discovery', why: 'no right' }];
  await script.say({ type: 'problems', problems }, SYNCED, new Error('lost'));
  t.deepEqual(followed.status().problems, problems);
  await clock.advance(50);
  await script.say({ type: 'problems', problems }, SYNCED, new Error('lost again'));
  t.deepEqual(followed.status().problems, problems);
  await clock.advance(100);
  await script.say(SYNCED);
  t.deepEqual(followed.status().problems, []);
  stop();
  await followed.ended;
});

test('why a registry is away is warned of once a reason, until it is back; and whether it was ever reached', async t => {
  const { script, clock, followed, warnings, stop } = begin();
  const fail = async (why: string): Promise<void> => {
    await script.say(new Error(why));
    await clock.advance(1000);
  };
  for (const why of ['refused', 'refused', 'no route', 'refused']) await fail(why);
  const never = 'registry was not reached yet; what is remembered of it stays';
  t.deepEqual(warnings.splice(0), [`${never}: refused`, `${never}: no route`]);
  await script.say(SYNCED);
  for (const why of ['refused', 'refused']) await fail(why);
  const lost = 'registry lost; its last known services stay';
  t.deepEqual(warnings.splice(0), [`${lost}: refused`]);
  await script.say(SYNCED);
  await fail('refused');
  t.deepEqual(warnings.splice(0), [], 'it comes and goes');
  await script.say(SYNCED);
  await clock.advance(60_000);
  await fail('refused');
  t.deepEqual(warnings.splice(0), [`${lost}: refused`], 'it was back in between');
  for (let count = 0; count < 100; count += 1) await fail(`session ${count}`);
  t.true(warnings.length < 20, 'reasons that never repeat are not told for ever');
  stop();
  await followed.ended;
});

test('a registry that comes and goes is told of once a minute, its return too', async t => {
  const { script, clock, news, warnings, stop } = begin();
  await script.say(SYNCED);
  for (let minute = 1; minute <= 2; minute += 1) {
    news.length = 0;
    warnings.length = 0;
    for (let second = 0; second < 60; second += 5) {
      await script.say(new Error('refused'));
      await clock.advance(2000);
      await script.say(SYNCED);
      await clock.advance(3000);
    }
    t.deepEqual(warnings, ['registry lost; its last known services stay: refused'], `minute ${minute}`);
    t.deepEqual(news, ['registry is back'], `minute ${minute}`);
  }
  stop();
});
