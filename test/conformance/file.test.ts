import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { makeFolder } from '../folders.ts';
import type { Fixture, Listed } from './fixture.ts';
import { conformance } from './suite.ts';
import { addressesOf, instances, watch } from './watch.ts';

/** A directory of files, one for each service, written as editors do: beside, and then moved into place. */
async function start(): Promise<Fixture> {
  const root = makeFolder('files');
  const [path, hidden] = [join(root, 'services.d'), join(root, 'hidden')];
  await mkdir(path);
  const whole = new Map<string, string>();
  let where = path;
  const place = async (service: string, text: string): Promise<void> => {
    await writeFile(join(root, 'new'), text);
    await rename(join(root, 'new'), join(where, `${service}.yaml`));
  };
  const move = async (to: string): Promise<void> => {
    await rename(where, to);
    where = to;
  };
  return {
    entry: { kind: 'file', path },
    sessionMs: 200,
    async put(service, listed) {
      if (listed.length === 0) return rm(join(where, `${service}.yaml`));
      whole.set(service, textOf(service, listed));
      await place(service, whole.get(service)!);
    },
    async corrupt(service) {
      const text = whole.get(service)!;
      await place(service, `${text}      - {address: 10.9.9.9, port: 99999}\n`);
      return new RegExp(`${service}\\.yaml:${text.split('\n').length}.*instances\\[2\\]\\.port.*99999`);
    },
    kill: () => move(hidden),
    start: () => move(path),
    away: () => move(hidden),
    async back() {
      if (where !== path) await move(path);
      for (const [service, text] of whole) if (existsSync(join(path, `${service}.yaml`))) await place(service, text);
    },
    async halve(bytes) {
      for (const service of whole.keys()) {
        const file = await open(join(path, `${service}.yaml`), 'r+');
        // Breaks off within a word, as a writer that is cut off does.
        await file.truncate(Math.min(bytes, whole.get(service)!.length - 3));
        await file.close();
      }
    },
    held: () => Promise.resolve(process.getActiveResourcesInfo().filter(name => name.startsWith('FSEvent')).length),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

function textOf(service: string, listed: readonly Listed[]): string {
  const head = stringify({
    services: [{ name: service, labels: { app: service }, ports: [{ number: 80, name: 'http' }], instances: [] }],
  });
  const lines = listed.map(({ id, address, port }) => `      - {id: ${id}, address: ${address}, port: ${port}}\n`);
  return `${head.replace(' []\n', '\n')}${lines.join('')}`;
}

conformance('file', start);

const NEVER_RIGHT = '  - {name: ratings, ports: [{number: http}]}\n';

test.serial(
  'file: a service whose entry is broken stays, its name too, and goes when the entry is taken out',
  async t => {
    const root = makeFolder('files');
    t.teardown(() => rm(root, { recursive: true }));
    const path = join(root, 'services.yaml');
    const whole = textOf('reviews', instances(2));
    const place = async (text: string): Promise<void> => {
      await writeFile(join(root, 'new'), text);
      await rename(join(root, 'new'), path);
    };
    await place(whole);
    await using watched = watch({ entry: { kind: 'file', path } });
    await watched.until('the first list', status => status.synced);
    for (const [index, broken] of [
      whole.replace('number: 80', 'number: http'),
      whole.replace('name: reviews', 'nmae: reviews'),
      whole.replace('name: reviews', 'name: Reviews'),
      whole.replace('name: reviews', 'nmae: reviews').replace('services:\n', `services:\n${NEVER_RIGHT}`),
    ].entries()) {
      const told = watched.warnings.length;
      await place(broken);
      await watched.until(`problem ${index}`, () => watched.warnings.length > told);
      t.deepEqual(watched.of('reviews'), addressesOf(instances(2)));
    }
    await place(`services:\n${NEVER_RIGHT}`);
    await watched.until('the end of it', () => watched.of('reviews') === undefined);
    t.is(watched.followed.status().problems.length, 1);
    await place('services: []');
    await watched.until('the end of the problem', ({ problems }) => problems.length === 0);
  },
);
