import test, { type ExecutionContext } from 'ava';
import { temporaryStore } from '../store/fixture.ts';
import type { Entry, Store } from '../store/store.ts';
import { addressesOf, VirtualIps } from './virtual-ips.ts';

const DAY_MS = 24 * 3_600_000;

function storeOf(t: ExecutionContext): Store {
  const { store } = temporaryStore(t, 'vip');
  return store;
}

/** The same store with some of its methods replaced. */
function withMethods(store: Store, methods: Partial<Store>): Store {
  const bound = { get: store.get.bind(store), list: store.list.bind(store), put: store.put.bind(store) };
  return Object.assign(Object.create(store) as Store, bound, methods);
}

async function open(store: Store, now: () => number = () => 0): Promise<VirtualIps> {
  const ips = new VirtualIps(store, now);
  await ips.load();
  return ips;
}

test('an address stays with its service over restarts, and is asked for once by all who ask at once', async t => {
  const store = storeOf(t);
  const ips = await open(store);
  const [first, second] = await Promise.all([ips.give('a.default.mesh'), ips.give('a.default.mesh')]);
  t.deepEqual(first, second);
  t.is((await store.list('virtual-ips/')).entries.length, 1);
  t.deepEqual((await open(store)).get('a.default.mesh'), first);
});

test('two Managers on one store never give one address to two services, nor two to one', async t => {
  const store = storeOf(t);
  const [one, two] = [await open(store), await open(store)];
  const names = Array.from({ length: 200 }, (_, index) => `s${index}.default.mesh`);
  const given = await Promise.all(names.map(async name => [await one.give(name), await two.give(name)]));
  for (const [index, [mine, others]] of given.entries()) t.deepEqual(mine, others, names[index]);
  t.is(new Set(given.map(([mine]) => mine![0])).size, names.length);
});

/** Whether the store says, after a restart, that an address can change hands. */
async function unusedSince(store: Store): Promise<number | undefined> {
  const [entry] = (await store.list('virtual-ips/')).entries;
  return (JSON.parse(Buffer.from(entry!.value).toString()) as { unusedSince?: number }).unusedSince;
}

const TURNS: readonly [turns: readonly boolean[], unused: number | undefined][] = [
  [[false], 7],
  [[false, true], undefined],
  [[false, true, false], 7],
  [[true], undefined],
];

for (const [turns, unused] of TURNS)
  test(`of calls that overlap the last holds: used ${turns.join(', then ')}`, async t => {
    const store = storeOf(t);
    const ips = await open(store, () => 7);
    await ips.give('a.default.mesh');
    await Promise.all(turns.map(used => ips.setUsed('a.default.mesh', used)));
    t.is(await unusedSince(store), unused);
  });

test('what another Manager noted meanwhile is read, and the last word here written over it', async t => {
  const store = storeOf(t);
  const one = await open(store, () => 7);
  await one.give('a.default.mesh');
  const two = await open(store, () => 8);
  await one.setUsed('a.default.mesh', false);
  await two.setUsed('a.default.mesh', false);
  t.is(await unusedSince(store), 7);
  await two.setUsed('a.default.mesh', true);
  await one.setUsed('a.default.mesh', true);
  t.is(await unusedSince(store), undefined);
});

/** A store in which all addresses but one are given to services that are used; that one is `old`'s. */
async function full(t: ExecutionContext) {
  const store = storeOf(t);
  const ips = await open(store);
  const addresses = await ips.give('old.default.mesh');
  const own = (await store.list('virtual-ips/')).entries[0]!;
  const others = Array.from({ length: 65_534 }, (_, index): Entry => {
    const value = Buffer.from(JSON.stringify({ hostname: `s${index}.default.mesh` }));
    return { key: `virtual-ips/${index + 1}`, value, revision: 1, createdRevision: 1 };
  }).filter(({ key }) => key !== own.key);
  const list: Store['list'] = async prefix => {
    const { entries, revision } = await store.list(prefix);
    return { entries: [...entries, ...others], revision };
  };
  return { store: withMethods(store, { list }), addresses };
}

test('when all are given, the one that was unused longest changes hands, after a week', async t => {
  const { store, addresses } = await full(t);
  let now = 0;
  const ips = await open(store, () => now);
  await t.throwsAsync(ips.give('new.default.mesh'), { code: 'ADDRESSES_EXHAUSTED' });
  await ips.setUsed('old.default.mesh', false);
  now = 7 * DAY_MS - 1;
  await t.throwsAsync(ips.give('new.default.mesh'), { code: 'ADDRESSES_EXHAUSTED' });
  now += 1;
  const coming = ips.setUsed('old.default.mesh', true);
  await t.throwsAsync(
    ips.give('new.default.mesh'),
    { code: 'ADDRESSES_EXHAUSTED' },
    'not while its service comes back',
  );
  await coming;
  await ips.setUsed('old.default.mesh', false);
  now += 7 * DAY_MS;
  t.deepEqual(await ips.give('new.default.mesh'), addresses);
  t.is(ips.get('old.default.mesh'), undefined);
});

test('an address that another Manager uses again does not change hands', async t => {
  const { store, addresses } = await full(t);
  let now = 0;
  const one = await open(store, () => now);
  await one.setUsed('old.default.mesh', false);
  await (await open(store)).setUsed('old.default.mesh', true);
  now = 7 * DAY_MS;
  await t.throwsAsync(one.give('new.default.mesh'), { code: 'ADDRESSES_EXHAUSTED' });
  t.deepEqual(one.get('old.default.mesh'), addresses);
  t.deepEqual((await open(store)).get('old.default.mesh'), addresses);
});

test('addresses lie in the ranges that hosts capture', t => {
  t.deepEqual(addressesOf(1), ['240.240.0.1', 'fd69:7374:686d::1']);
  t.deepEqual(addressesOf(65_534), ['240.240.255.254', 'fd69:7374:686d::fffe']);
});
