import test from 'ava';
import { doneOrAborted } from '../manager/model/util/until.ts';
import { Asking } from './asking.ts';

function setUp(limit?: Set<string>): {
  held: Set<string>;
  subscribed: string[];
  wanted: Set<string>;
  asking: Asking;
  applied: { count: number; gate: Promise<void> };
} {
  const held = new Set<string>();
  const wanted = limit ?? new Set<string>();
  const subscribed: string[] = [];
  const applied = { count: 0, gate: Promise.resolve() };
  const asking = new Asking({
    knowledge: { holds: hostname => held.has(hostname) },
    wanted: () => wanted,
    subscribe(type, names) {
      for (const name of names) {
        wanted.add(name);
        subscribed.push(`${type} ${name}`);
      }
    },
    unsubscribe(_, names) {
      for (const name of names) wanted.delete(name);
    },
    applied: async signal => {
      applied.count += 1;
      await doneOrAborted(applied.gate, signal);
    },
  });
  return { held, subscribed, wanted, asking, applied };
}

const FOREVER = new AbortController().signal;

test('the first question subscribes, and is answered when the service is held and applied', async t => {
  const { held, subscribed, asking, applied } = setUp();
  const both = Promise.all([asking.ask('a', FOREVER), asking.ask('a', FOREVER)]);
  t.deepEqual(subscribed, ['ServiceView a', 'InstanceList a']);
  asking.came();
  held.add('a');
  asking.came();
  await both;
  t.is(applied.count, 1);
  await asking.ask('a', FOREVER);
  t.is(applied.count, 1);
});

test('a question that comes while Envoy is given the service is not answered before the first one', async t => {
  const { held, asking, applied } = setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  applied.gate = promise;
  const answered: string[] = [];
  const first = asking.ask('a', FOREVER).then(() => answered.push('first'));
  held.add('a');
  asking.came();
  const second = asking.ask('a', FOREVER).then(() => answered.push('second'));
  await new Promise(setImmediate);
  t.deepEqual(answered, []);
  resolve();
  await Promise.all([first, second]);
  t.deepEqual(answered.sort(), ['first', 'second']);
});

test('who asks later has a deadline of its own, and what nobody waited for to its end is done again', async t => {
  const { held, asking, applied } = setUp();
  held.add('a');
  const { promise, resolve } = Promise.withResolvers<void>();
  applied.gate = promise;
  const [early, late] = [new AbortController(), new AbortController()];
  const first = asking.ask('a', early.signal);
  const answered: string[] = [];
  const second = asking.ask('a', late.signal).then(() => answered.push('second'));
  early.abort(new Error('deadline'));
  await t.throwsAsync(first, { message: 'deadline' });
  await new Promise(setImmediate);
  t.deepEqual(answered, []);
  late.abort(new Error('later deadline'));
  await t.throwsAsync(second, { message: 'later deadline' });
  const third = asking.ask('a', FOREVER);
  resolve();
  await third;
  t.is(applied.count, 2);
});

test('a service that went and came back is waited for again', async t => {
  const { held, asking, applied } = setUp();
  held.add('a');
  await asking.ask('a', FOREVER);
  t.is(applied.count, 1);
  held.delete('a');
  const again = asking.ask('a', FOREVER);
  held.add('a');
  asking.came();
  await again;
  t.is(applied.count, 2);
});

test('a service that Envoy could not be given is tried again with the next question', async t => {
  const { held, asking, applied } = setUp();
  held.add('a');
  applied.gate = Promise.reject(new Error('no config'));
  await t.throwsAsync(asking.ask('a', FOREVER), { message: 'no config' });
  applied.gate = Promise.resolve();
  await asking.ask('a', FOREVER);
  await asking.ask('a', FOREVER);
  t.is(applied.count, 2);
});

test('who asks does not wait for ever', async t => {
  const { asking } = setUp();
  const controller = new AbortController();
  const asked = asking.ask('a', controller.signal);
  controller.abort(new Error('deadline'));
  await t.throwsAsync(asked, { message: 'deadline' });
});

const FULL: readonly string[] = Array.from({ length: 5000 }, (_, index) => String(index));

test('a program that asks for every name does not fill the host, and it is said why', async t => {
  const { asking, subscribed, held } = setUp(new Set(FULL));
  for (const name of FULL) held.add(name);
  t.deepEqual(asking.problems(), []);
  await t.throwsAsync(asking.ask('one more', FOREVER), { message: /holds 5000 services/ });
  t.deepEqual(subscribed, []);
  t.regex(asking.problems()[0]!.why, /takes no more: .* delete agent.snapshot/);
  held.delete('17');
  const asked = asking.ask('one more', FOREVER);
  held.add('one more');
  asking.came();
  await asked;
  t.deepEqual(asking.problems(), [], 'there was room again');
});

test('services that are gone leave their places to others', async t => {
  const { asking, subscribed, wanted, held } = setUp(new Set(FULL));
  held.add('17');
  const first = asking.ask('one more', FOREVER);
  const second = asking.ask('another', FOREVER);
  t.deepEqual([...wanted], ['17', 'one more', 'another']);
  t.is(subscribed.length, 4);
  held.add('one more').add('another');
  asking.came();
  await Promise.all([first, second]);
});

test('a place is kept for a service for as long as somebody waits for it', async t => {
  const { asking, wanted, held } = setUp(new Set(FULL.slice(1)));
  for (const name of FULL) held.add(name);
  const [first, second] = [new AbortController(), new AbortController()];
  const asked = [first, second].map(({ signal }) => t.throwsAsync(asking.ask('never there', signal)));
  first.abort();
  await asked[0];
  await t.throwsAsync(asking.ask('one more', FOREVER), { message: /holds 5000 services/ });
  second.abort();
  await asked[1];
  const last = asking.ask('one more', FOREVER);
  t.false(wanted.has('never there'));
  held.add('one more');
  asking.came();
  await last;
});

test('a service that went and came back between two questions is waited for again', async t => {
  const { held, asking, applied } = setUp();
  held.add('a');
  await asking.ask('a', FOREVER);
  held.delete('a');
  asking.came();
  held.add('a');
  asking.came();
  await asking.ask('a', FOREVER);
  t.is(applied.count, 2);
});
