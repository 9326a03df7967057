import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../../test/folders.ts';
import { storeConformance } from '../conformance.ts';
import { SqliteStore } from './sqlite-store.ts';

function temporaryFile(t: ExecutionContext): string {
  const directory = makeFolder('store');
  t.teardown(() => rmSync(directory, { recursive: true }));
  return join(directory, 'state', 'store.db');
}

storeConformance('sqlite', async (t, historySize) => {
  const store = new SqliteStore(temporaryFile(t), { historySize });
  t.teardown(() => store.close());
  return store;
});

test('what was written is there after a restart, and revisions go on', async t => {
  const file = temporaryFile(t);
  const first = new SqliteStore(file);
  const entry = await first.put('k', Buffer.from('v'));
  await first.delete('gone');
  await first.close();
  const second = new SqliteStore(file);
  t.deepEqual(await second.get('k'), { ...entry, value: new Uint8Array(Buffer.from('v')) });
  t.true((await second.put('k', Buffer.from('w'))).revision > entry.revision);
  await second.close();
});

test('its files are for their owner alone', async t => {
  const file = temporaryFile(t);
  const store = new SqliteStore(file);
  await store.put('k', Buffer.from('v'));
  for (const path of [file, `${file}-wal`]) t.is(statSync(path).mode & 0o777, 0o600, path);
  t.is(statSync(join(file, '..')).mode & 0o777, 0o700);
  await store.close();
});

const unusable: readonly [string, (file: string) => void, string, RegExp][] = [
  [
    'no database',
    file => writeFileSync(file, 'not a database, but a text that is long enough'.repeat(40)),
    'CORRUPT',
    /store\.db: .*backup/,
  ],
  ['a database of another program', file => makeDatabase(file, 'CREATE TABLE t (x)'), 'CORRUPT', /another program/],
  [
    'a later version',
    file => makeDatabase(file, 'PRAGMA application_id = 0x69737468; PRAGMA user_version = 99; CREATE TABLE t (x)'),
    'TOO_NEW',
    /later Isthmus \(schema 99, this one knows 1\)/,
  ],
];

function makeDatabase(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

for (const [what, make, code, message] of unusable)
  test(`refused: ${what}`, async t => {
    const file = temporaryFile(t);
    await new SqliteStore(file).close();
    rmSync(file);
    make(file);
    t.throws(() => new SqliteStore(file), { code, message });
  });

test('a damaged page is found when the file is opened', async t => {
  const file = temporaryFile(t);
  const store = new SqliteStore(file);
  await Promise.all(Array.from({ length: 500 }, (_, index) => store.put(`k/${index}`, Buffer.alloc(500, 1))));
  await store.close();
  const { size } = statSync(file);
  const page = Buffer.alloc(4096, 0xff);
  const database = await import('node:fs/promises').then(fs => fs.open(file, 'r+'));
  for (let offset = 4096; offset + 4096 <= size; offset += 8192) await database.write(page, 0, 4096, offset);
  await database.close();
  t.throws(() => new SqliteStore(file), { code: 'CORRUPT' });
});

test('a second process is refused while the first holds the file', async t => {
  const file = temporaryFile(t);
  const store = new SqliteStore(file);
  t.throws(() => new SqliteStore(file), { code: 'BUSY', message: /is a Manager running\?/ });
  await store.close();
});

test('with no room left, a write fails, and the old value and the store live on', async t => {
  const store = new SqliteStore(temporaryFile(t), { maximumBytes: 300_000, historySize: 1 });
  t.teardown(() => store.close());
  await store.put('k', Buffer.from('old'));
  const fill = Array.from({ length: 20 }, (_, index) => store.put(`fill/${index}`, Buffer.alloc(50_000)));
  for (const outcome of await Promise.allSettled([...fill, store.put('k', Buffer.from('new'))]))
    t.is(outcome.status === 'rejected' ? outcome.reason.code : 'written', 'FULL');
  t.is(Buffer.from((await store.get('k'))!.value).toString(), 'old');
  await store.put('k', Buffer.from('small'));
  t.is(Buffer.from((await store.get('k'))!.value).toString(), 'small');
});

test('large values that change on and on do not fill the file', async t => {
  const store = new SqliteStore(temporaryFile(t), { maximumBytes: 8 * 1024 ** 2 });
  t.teardown(() => store.close());
  for (let time = 0; time < 40; time += 1) await store.put('k', Buffer.alloc(500_000, time));
  t.is(Buffer.from((await store.get('k'))!.value)[0], 39);
  const { revision } = await store.list('');
  const recent = store.watch('', revision - 1, AbortSignal.timeout(10_000));
  t.like(await recent.next(), { value: { type: 'put' } });
  await t.throwsAsync(store.watch('', 1, AbortSignal.timeout(10_000)).next(), { code: 'COMPACTED' });
});

test('a value that is too large is refused', async t => {
  const store = new SqliteStore(temporaryFile(t));
  await t.throwsAsync(store.put('k', Buffer.alloc(2 ** 20 + 1)), { code: 'TOO_LARGE' });
  await store.close();
});
