import test from 'ava';
import { Asking } from './asking.ts';

function setUp(limit?: Set<string>): {
  held: Set<string>;
  subscribed: string[];
  asking: Asking;
  applied: { count: number };
} {
  const held = new Set<string>();
  const wanted = limit ?? new Set<string>();
  const subscribed: string[] = [];
  const applied = { count: 0 };
  const asking = new Asking({
    knowledge: { holds: hostname => held.has(hostname) },
    wanted: () => wanted,
    subscribe(type, names) {
      for (const name of names) {
        wanted.add(name);
        subscribed.push(`${type} ${name}`);
      }
    },
    applied: async () => {
      applied.count += 1;
    },
  });
  return { held, subscribed, asking, applied };
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
  t.is(applied.count, 2);
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

test('a program that asks for every name does not fill the host', async t => {
  const { asking, subscribed } = setUp(new Set(Array.from({ length: 5000 }, (_, index) => String(index))));
  await asking.ask('one more', FOREVER);
  t.deepEqual(subscribed, []);
});
