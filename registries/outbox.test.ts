import test from 'ava';
import { Outbox } from './outbox.ts';
import type { RegistryEvent } from './registry.ts';

const said = (why: string): RegistryEvent => ({ type: 'problems', problems: [{ where: 'x', why }] });

test('what is said is read once, the newest of each key, in the order in which keys were first spoken of', async t => {
  const stop = new AbortController();
  const outbox = new Outbox(stop.signal);
  const reading = outbox.read();
  const next = async (): Promise<unknown> => (await reading.next()).value;
  outbox.put('a', said('1'));
  outbox.put('b', said('2'));
  outbox.put('a', said('3'));
  t.deepEqual([await next(), await next()], [said('3'), said('2')]);
  const waiting = next();
  outbox.put('c', said('4'));
  t.deepEqual(await waiting, said('4'));
  stop.abort();
  t.true((await reading.next()).done);
});

test('nothing is read of a session that failed or was ended', async t => {
  const failed = new Outbox(new AbortController().signal);
  failed.put('a', said('1'));
  failed.fail(new Error('lost'));
  await t.throwsAsync(failed.read().next(), { message: 'lost' });
  const stop = new AbortController();
  const ended = new Outbox(stop.signal);
  const reading = ended.read().next();
  ended.put('a', said('1'));
  stop.abort();
  t.true((await reading).done);
});
