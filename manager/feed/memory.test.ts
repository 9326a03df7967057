import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../model/util/log.ts';
import { temporaryStore } from '../store/fixture.ts';
import { ConflictError, type Store, StoreError } from '../store/store.ts';
import { Memory } from './memory.ts';

const GATHERING = { quietMs: 500, ceilingMs: 2_000 };

function storeOf(t: ExecutionContext): Store {
  const { store } = temporaryStore(t, 'memory');
  return store;
}

test('what is remembered is there after a restart, and what was forgotten is not', async t => {
  const store = storeOf(t);
  const memory = new Memory<number[]>(store, 'things/', silentLogger, GATHERING);
  memory.set('a', [1]);
  memory.set('b', [2]);
  await memory.flush();
  memory.set('a', undefined);
  await memory.flush();
  t.deepEqual([...(await new Memory(store, 'things/', silentLogger, GATHERING).load())], [['b', [2]]]);
});

test('a service with 10,000 instances is remembered', async t => {
  const store = storeOf(t);
  const instances = Array.from({ length: 10_000 }, (_, index) => ({
    id: `reviews-${index}`,
    address: `10.0.${index >> 8}.${index & 0xff}`,
    ports: [{ name: 'http', number: 9080 }],
    labels: { version: `v${index % 3}`, note: 'x'.repeat(60) },
  }));
  const memory = new Memory<typeof instances>(store, 'things/', silentLogger, GATHERING);
  memory.set('reviews', instances);
  await memory.flush();
  t.deepEqual((await memory.load()).get('reviews'), instances);
});

test('one value that cannot be written keeps no other from being written, and is tried again unless it never can be', async t => {
  const store = storeOf(t);
  const tries: string[] = [];
  let broken = true;
  const failing: Store = Object.assign(Object.create(store) as Store, {
    put: (key: string, value: Uint8Array) => {
      tries.push(key);
      if (key === 'things/large') return Promise.reject(new StoreError('TOO_LARGE', 'too large'));
      if (key === 'things/unlucky' && broken) return Promise.reject(new ConflictError('not now'));
      return store.put(key, value);
    },
    list: (prefix: string) => store.list(prefix),
  });
  const memory = new Memory<number>(failing, 'things/', silentLogger, GATHERING);
  memory.set('large', 1);
  memory.set('unlucky', 2);
  memory.set('plain', 3);
  await memory.flush();
  t.deepEqual([...(await memory.load())], [['plain', 3]]);
  broken = false;
  await memory.flush();
  t.deepEqual(Object.fromEntries(await memory.load()), { plain: 3, unlucky: 2 });
  t.is(tries.filter(key => key === 'things/large').length, 1);
});

test('what a full disk did not take is written once there is room, without another change, and is told once', async t => {
  const store = storeOf(t);
  const written = Promise.withResolvers<void>();
  let tries = 0;
  const full: Store = Object.assign(Object.create(store) as Store, {
    async put(key: string, value: Uint8Array) {
      tries += 1;
      if (tries <= 6) throw new StoreError('FULL', 'no room');
      const entry = await store.put(key, value);
      if (key === 'things/b') written.resolve();
      return entry;
    },
  });
  const errors: unknown[] = [];
  const logger = { ...silentLogger, error: (_: string, fields: unknown) => void errors.push(fields) };
  const memory = new Memory<number>(full, 'things/', logger, { ...GATHERING, againMs: 1 });
  memory.set('a', 1);
  memory.set('b', 2);
  await memory.flush();
  // The next try holds no process.
  const held = setInterval(() => undefined, 1_000);
  await written.promise;
  clearInterval(held);
  t.deepEqual(errors, [{ key: 'things/a', others: 1, why: 'no room' }]);
});
