import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { type Resource, resource, TYPE } from '../../compile/resource.ts';
import { Ahead } from './ahead.ts';

const cluster = (name: string): Resource => resource(TYPE.cluster, name, { name }, []);

test('what is asked for later was encoded before, once', async t => {
  const [a, b, bad, c] = ['a', 'b', 'bad', 'c'].map(cluster) as [Resource, Resource, Resource, Resource];
  const asked: string[] = [];
  const ahead = new Ahead(({ name }) => {
    asked.push(name);
    if (name === 'bad') throw new Error('does not fit');
    return Buffer.from(name);
  });
  ahead.prepare([a, bad, b]);
  t.deepEqual(asked, []);
  await setImmediate();
  t.deepEqual(asked, ['a', 'bad', 'b']);
  t.deepEqual([ahead.take(a), ahead.take(b)].map(String), ['a', 'b']);
  t.deepEqual(asked, ['a', 'bad', 'b']);
  t.throws(() => ahead.take(bad), { message: 'does not fit' });
  t.is(String(ahead.take(c)), 'c');
  // Nothing of it is kept.
  t.is(String(ahead.take(a)), 'a');
  t.deepEqual(asked.slice(3), ['bad', 'c', 'a']);
});

test('what was not taken is dropped, and what is not encoded yet stays so', async t => {
  let count = 0;
  const ahead = new Ahead(() => {
    count += 1;
    return new Uint8Array();
  });
  const a = cluster('a');
  ahead.prepare([a]);
  ahead.clear();
  await setImmediate();
  t.is(count, 0);
  ahead.prepare([a]);
  await setImmediate();
  ahead.clear();
  ahead.take(a);
  t.is(count, 2);
});

test('others have their turn while much is encoded', async t => {
  let count = 0;
  const ahead = new Ahead(() => {
    count += 1;
    const end = performance.now() + 1;
    while (performance.now() < end);
    return new Uint8Array();
  });
  const some = Array.from({ length: 50 }, (_, index) => cluster(`c${index}`));
  ahead.prepare(some);
  await setImmediate();
  t.true(count > 0 && count < 10, `${count}`);
  ahead.prepare(some);
  while (count < 50) await setImmediate();
  await setImmediate();
  t.is(count, 50);
});
