import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { kindNamed } from '../config/index.ts';
import { systemClock } from '../model/util/clock.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import { ConfigObjects, type Written } from './objects.ts';

const REF = {
  kind: kindNamed('DestinationRule')!,
  apiVersion: 'networking.istio.io/v1',
  namespace: 'default',
  name: 'a',
};
const OPTIONS = { manager: 't', force: false, dryRun: false };

interface Raced {
  readonly objects: ConfigObjects;
  /** Revision at which the object was made. */
  readonly made: string;
  /** How often it was tried to write. */
  readonly tries: () => number;
}

/** An object that another writes to, so many times, each time just before we do. */
async function raced(t: ExecutionContext, times: number): Promise<Raced> {
  const directory = makeFolder('objects');
  const store = new SqliteStore(join(directory, 'store.db'));
  t.teardown(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  const objects = new ConfigObjects(store, systemClock);
  const { object } = await objects.create(REF, { metadata: { name: 'a' }, spec: { host: 'a' } }, OPTIONS);
  const put = store.put.bind(store);
  const other = new ConfigObjects(
    Object.assign(Object.create(store) as SqliteStore, { put, get: store.get.bind(store) }),
    systemClock,
  );
  let tries = 0;
  store.put = async (...written) => {
    tries += 1;
    if (tries <= times) await other.merge(REF, { metadata: { labels: { other: `${tries}` } } }, OPTIONS);
    return put(...written);
  };
  return {
    objects,
    made: (object.metadata as { readonly resourceVersion?: string }).resourceVersion ?? '',
    tries: () => tries,
  };
}

const labelled = (resourceVersion?: string): object => ({
  metadata: { labels: { ours: 'yes' }, ...(resourceVersion && { resourceVersion }) },
});
const whole = (resourceVersion?: string): object => ({ ...labelled(resourceVersion), spec: { host: 'a' } });

type Write = (objects: ConfigObjects, revision?: string) => Promise<Written>;

const WRITES: readonly [what: string, write: Write, labels: Readonly<Record<string, string>>][] = [
  [
    'a merge patch',
    (objects, revision) => objects.merge(REF, labelled(revision), OPTIONS),
    { other: '2', ours: 'yes' },
  ],
  [
    'an apply',
    (objects, revision) => objects.apply(REF, whole(revision), { ...OPTIONS, force: true }),
    { other: '2', ours: 'yes' },
  ],
  ['a replacement', (objects, revision) => objects.replace(REF, whole(revision), OPTIONS), { ours: 'yes' }],
];

for (const [what, write, labels] of WRITES) {
  test(`${what} that others were faster than is made anew from what they wrote`, async t => {
    const { objects, tries } = await raced(t, 2);
    await write(objects);
    t.is(tries(), 3);
    t.deepEqual((await objects.get(REF)).metadata.labels, labels);
  });

  test(`${what} at a revision that others were faster than is a conflict`, async t => {
    const { objects, made, tries } = await raced(t, 1);
    await t.throwsAsync(write(objects, made), { message: /was changed by another/ });
    t.is(tries(), 1);
    t.deepEqual((await objects.get(REF)).metadata.labels, { other: '1' });
  });
}

test('who is never fast enough is told so in the end', async t => {
  const { objects, tries } = await raced(t, Number.POSITIVE_INFINITY);
  await t.throwsAsync(objects.merge(REF, labelled(), OPTIONS), { message: /was changed by another/ });
  t.is(tries(), 10);
});
