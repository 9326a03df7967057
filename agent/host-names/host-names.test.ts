import { EventEmitter, once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import { makeFolder } from '../../test/folders.ts';
import { HostNames } from './host-names.ts';

/** Name servers whose answers the test sets, and a clock that it moves. */
async function stage(t: ExecutionContext) {
  const folder = makeFolder('names');
  t.teardown(() => rm(folder, { recursive: true }));
  const answers = new Map<string, string[]>();
  const events = new EventEmitter();
  const make = (): HostNames =>
    new HostNames({
      path: join(folder, 'names.json'),
      resolve: async name => {
        const addresses = answers.get(name);
        if (!addresses) throw new Error(`no ${name}`);
        return { addresses, ttlMs: 60_000 };
      },
      onChange: () => events.emit('change'),
      logger: silentLogger,
      clock: {
        now: () => 0,
        async sleep(ms, signal) {
          events.emit('sleep', ms);
          await once(events, 'wake', { signal });
        },
      },
    });
  return { answers, events, make };
}

test('a name is asked for anew when its time is over, and keeps its last addresses while nobody answers', async t => {
  const { answers, events, make } = await stage(t);
  const names = make();
  const life = new AbortController();
  const running = names.run(life.signal);
  answers.set('db.example', ['192.0.2.1']);
  const asleep = once(events, 'sleep');
  names.want(new Set(['db.example']));
  t.true(await names.settled(AbortSignal.timeout(5_000)));
  t.deepEqual(await asleep, [60_000]);
  t.deepEqual(names.addresses('db.example'), ['192.0.2.1']);
  const turn = async (): Promise<number> => {
    const next = once(events, 'sleep');
    events.emit('wake');
    return ((await next) as [number])[0];
  };
  answers.delete('db.example');
  t.true((await turn()) <= 500);
  t.deepEqual(names.addresses('db.example'), ['192.0.2.1']);
  const changed = once(events, 'change');
  answers.set('db.example', ['192.0.2.2']);
  await turn();
  await changed;
  const kept = names.addresses('db.example');
  t.deepEqual(kept, ['192.0.2.2']);
  await turn();
  t.is(names.addresses('db.example'), kept, 'the same object while nothing changes');
  life.abort();
  await running;
});

test('the next life begins with what this one knew; what nobody uses is forgotten', async t => {
  const { answers, make } = await stage(t);
  answers.set('a.example', ['192.0.2.1']).set('b.example', ['192.0.2.2']);
  const first = make();
  const life = new AbortController();
  const running = first.run(life.signal);
  first.want(new Set(['a.example', 'b.example']));
  await first.settled(AbortSignal.timeout(5_000));
  first.want(new Set(['a.example']));
  t.is(first.addresses('b.example'), undefined);
  life.abort();
  await running;
  answers.clear();
  const second = make();
  await second.load();
  second.want(new Set(['a.example']));
  t.deepEqual(second.addresses('a.example'), ['192.0.2.1']);
  t.is(second.addresses('b.example'), undefined);
});

test('once a name is settled, a life that follows a killed one knows it', async t => {
  const { answers, make } = await stage(t);
  const names = Array.from({ length: 8 }, (_, index) => `host-${index}.example`);
  for (const name of names) answers.set(name, ['192.0.2.1']);
  const first = make();
  const life = new AbortController();
  const running = first.run(life.signal);
  first.want(new Set(names));
  await first.settled(AbortSignal.timeout(5_000));
  const second = make();
  await second.load();
  for (const name of names) t.deepEqual(second.addresses(name), ['192.0.2.1']);
  life.abort();
  await running;
});
