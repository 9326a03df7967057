import test, { type ExecutionContext } from 'ava';
import { CompactedError, ConflictError, type Store, type StoreChange } from './store.ts';

/** How the suite gets an empty store that keeps no more history than about `historySize` writes. */
export type MakeStore = (t: ExecutionContext, historySize: number) => Promise<Store>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const show = (change: StoreChange): string =>
  change.type === 'put' ? `put ${change.entry.key}=${text(change.entry.value)}` : `delete ${change.key}`;

/** Takes so many changes of a watch, then ends it. */
async function take(store: Store, prefix: string, after: number, count: number): Promise<StoreChange[]> {
  const stop = new AbortController();
  const changes: StoreChange[] = [];
  for await (const change of store.watch(prefix, after, AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]))) {
    changes.push(change);
    if (changes.length === count) stop.abort();
  }
  return changes;
}

/** The keys of a list, then of the watch that goes on from it, until there are so many. */
async function listAndWatch(store: Store, count: number): Promise<readonly string[]> {
  const { entries, revision } = await store.list('k/');
  const changes = await take(store, 'k/', revision, count - entries.length);
  return [
    ...entries.map(entry => entry.key),
    ...changes.map(change => (change.type === 'put' ? change.entry.key : '')),
  ];
}

/** What every engine must do, as tests under its name. */
export function storeConformance(engine: string, make: MakeStore): void {
  testEntries(engine, make);
  testRaces(engine, make);
  testWatch(engine, make);
  testWatchEnds(engine, make);
}

function testEntries(engine: string, make: MakeStore): void {
  test(`${engine}: a list is ordered by key, keeps to its prefix, and knows its revision`, async t => {
    const store = await make(t, 100);
    t.deepEqual((await store.list('a/')).entries, []);
    for (const key of ['a/c', 'a/b', 'ab/x', 'a/é', 'a', 'a/b/d', 'b/a']) await store.put(key, bytes(key));
    const { entries, revision } = await store.list('a/');
    t.deepEqual(
      entries.map(entry => entry.key),
      ['a/b', 'a/b/d', 'a/c', 'a/é'],
    );
    t.is((await store.get('b/a'))?.revision, revision);
  });

  test(`${engine}: an entry keeps its first revision when it is written again, and begins anew after its deletion`, async t => {
    const store = await make(t, 100);
    const first = await store.put('k', bytes('1'));
    t.is(first.createdRevision, first.revision);
    const second = await store.put('k', bytes(''));
    t.true(second.revision > first.revision);
    t.is(second.createdRevision, first.revision);
    t.deepEqual(await store.get('k'), { ...second, value: new Uint8Array() });
    t.true(await store.delete('k'));
    t.false(await store.delete('k'));
    t.is(await store.get('k'), undefined);
    t.true((await store.put('k', bytes('3'))).createdRevision > second.revision);
  });

  test(`${engine}: the caller may use its buffer again`, async t => {
    const store = await make(t, 100);
    const buffer = bytes('kept');
    const writing = store.put('k', buffer);
    buffer.fill(0);
    await writing;
    t.is(text((await store.get('k'))!.value), 'kept');
  });
}

function testRaces(engine: string, make: MakeStore): void {
  test(`${engine}: a write that expects another revision is refused and changes nothing`, async t => {
    const store = await make(t, 100);
    await t.throwsAsync(store.put('k', bytes('x'), 7), { instanceOf: ConflictError });
    const { revision } = await store.put('k', bytes('1'), 0);
    await t.throwsAsync(store.put('k', bytes('x'), 0), { instanceOf: ConflictError });
    await t.throwsAsync(store.put('k', bytes('x'), revision + 1), { instanceOf: ConflictError });
    await t.throwsAsync(store.delete('k', revision + 1), { instanceOf: ConflictError });
    t.is(text((await store.get('k'))!.value), '1');
    t.is((await store.list('')).revision, revision);
    t.true(await store.delete('k', revision));
  });

  test(`${engine}: of twenty that write at once expecting the same revision, one wins, and the rest of the turn is written`, async t => {
    const store = await make(t, 100);
    const { revision } = await store.put('k', bytes('0'));
    const tries = Array.from({ length: 20 }, (_, index) => store.put('k', bytes(`${index}`), revision));
    const other = store.put('other', bytes('o'));
    const outcomes = await Promise.allSettled(tries);
    const won = outcomes.filter(outcome => outcome.status === 'fulfilled');
    t.is(won.length, 1);
    t.is((await store.get('k'))?.revision, won[0]?.value.revision);
    t.is((await store.get('other'))?.revision, (await other).revision);
    for (const outcome of outcomes) if (outcome.status === 'rejected') t.true(outcome.reason instanceof ConflictError);
  });
}

function testWatch(engine: string, make: MakeStore): void {
  test(`${engine}: a watch sees what is below its prefix after its revision, in order`, async t => {
    const store = await make(t, 100);
    await store.put('a/1', bytes('before'));
    const { revision } = await store.list('a/');
    await store.put('a/1', bytes('x'));
    await store.put('b/1', bytes('other'));
    await store.delete('a/1');
    const following = take(store, 'a/', revision, 4);
    await store.put('b/2', bytes('other'));
    await store.put('a/2', bytes('y'));
    await store.put('a/1', bytes('z'));
    t.deepEqual((await following).map(show), ['put a/1=x', 'delete a/1', 'put a/2=y', 'put a/1=z']);
  });

  test(`${engine}: watches begun while others write miss nothing and see nothing twice`, async t => {
    const store = await make(t, 10_000);
    const writes = 600;
    const watches: Promise<readonly string[]>[] = [];
    const writing: Promise<unknown>[] = [];
    for (let index = 0; index < writes; index += 1) {
      writing.push(store.put(`k/${String(index).padStart(3, '0')}`, bytes('v')));
      if (index % 100 === 50) watches.push(listAndWatch(store, writes));
      if (index % 7 === 0) await writing.at(-1);
    }
    await Promise.all(writing);
    const all = (await store.list('k/')).entries.map(entry => entry.key);
    t.is(all.length, writes);
    for (const keys of await Promise.all(watches)) t.deepEqual(keys, all);
  });
}

function testWatchEnds(engine: string, make: MakeStore): void {
  test(`${engine}: a watch from history that is gone is refused, and so is one from the future`, async t => {
    const store = await make(t, 10);
    const { revision: first } = await store.put('k', bytes('first'));
    for (let index = 0; index < 100; index += 1) await store.put('k', bytes(`${index}`));
    const { revision: last } = await store.list('');
    await t.throwsAsync(take(store, '', first, 1), { instanceOf: CompactedError });
    await t.throwsAsync(take(store, '', last + 1, 1), { instanceOf: CompactedError });
    t.deepEqual((await take(store, '', last - 1, 1)).map(show), ['put k=99']);
  });

  test(`${engine}: a watch whose prefix is quiet outlives the compaction of other writes`, async t => {
    const store = await make(t, 10);
    const quiet = take(store, 'quiet/', (await store.list('quiet/')).revision, 1);
    for (let index = 0; index < 100; index += 1) await store.put('loud/k', bytes(`${index}`));
    await store.put('quiet/k', bytes('at last'));
    t.deepEqual((await quiet).map(show), ['put quiet/k=at last']);
  });

  test(`${engine}: an aborted watch ends within 100 ms and without an error`, async t => {
    const store = await make(t, 10);
    const stop = new AbortController();
    const watching = (async () => {
      for await (const change of store.watch('', 0, stop.signal)) t.fail(show(change));
      return performance.now();
    })();
    await new Promise(resolve => setImmediate(resolve));
    const aborted = performance.now();
    stop.abort();
    t.true((await watching) - aborted < 100);
  });

  test(`${engine}: a closed store refuses, and ends its watches with an error`, async t => {
    const store = await make(t, 10);
    await store.put('k', bytes('v'));
    const watching = take(store, '', (await store.list('')).revision, 1);
    const refused = t.throwsAsync(watching, { code: 'CLOSED' });
    await new Promise(resolve => setImmediate(resolve));
    await store.close();
    await refused;
    await t.throwsAsync(store.get('k'), { code: 'CLOSED' });
    await t.throwsAsync(store.put('k', bytes('w')), { code: 'CLOSED' });
    await store.close();
  });
}
