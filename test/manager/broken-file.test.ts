import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { RegistryReport, ServiceReport } from '../../manager/api/inspect.ts';
import { eventually } from '../eventually.ts';
import { makeFolder } from '../folders.ts';
import { type ManagerProcess, startManagerProcess } from './process.ts';

async function items<T>(manager: ManagerProcess, what: string): Promise<readonly T[]> {
  return ((await manager.ask({ path: `/isthmus/v1/${what}` })).body as { readonly items: readonly T[] }).items;
}

test('services in a file that was broken before the Manager started anew stay until it is mended', async t => {
  const folder = makeFolder('services');
  const path = join(folder, 'services.d');
  mkdirSync(path);
  const write = (file: string, text: string): void => {
    writeFileSync(join(folder, 'new'), text);
    renameSync(join(folder, 'new'), join(path, file));
  };
  const service = (name: string, port: string): string =>
    `services:\n  - name: ${name}\n    ports: [{number: ${port}}]\n    instances: [{address: 10.0.0.1, port: 80}]\n`;
  write('a.yaml', service('reviews', '80'));
  write('b.yaml', service('ratings', '80'));
  write('c.yaml', service('details', '80'));
  const manager = await startManagerProcess(t, { registries: [{ kind: 'file', path }] });
  const known = async (): Promise<string[]> =>
    (await items<ServiceReport>(manager, 'services')).map(({ name, instances }) => `${name} ${instances.length}`);
  await eventually('all', known, found => found.length === 3);

  await manager.kill('SIGTERM');
  write('a.yaml', 'services: [{');
  write('b.yaml', service('ratings', 'http'));
  write('d.yaml', service('later', '80'));
  await manager.start();
  await eventually('what came', known, found => found.includes('later 1'));
  t.deepEqual(await known(), ['details 1', 'later 1', 'ratings 1', 'reviews 1']);
  const [registry] = await items<RegistryReport>(manager, 'registries');
  t.is(registry?.problems.length, 2);

  write('a.yaml', service('prices', '80'));
  write('b.yaml', service('ratings', '81'));
  await eventually('what the files say', known, found => found.includes('prices 1') && !found.includes('reviews 1'));
  t.deepEqual(await known(), ['details 1', 'later 1', 'prices 1', 'ratings 1']);
});

test('an entry that was never right holds back nothing that went while the Manager was away, unless it has no name', async t => {
  const folder = makeFolder('services');
  const path = join(folder, 'services.yaml');
  const entry = (name: string): string => `  - {name: ${name}, instances: [{address: 10.0.0.1, port: 80}]}\n`;
  const write = (...entries: string[]): void => {
    writeFileSync(join(folder, 'new'), `services:\n${entries.join('')}`);
    renameSync(join(folder, 'new'), path);
  };
  write(entry('reviews'), entry('ratings'));
  const manager = await startManagerProcess(t, { registries: [{ kind: 'file', path }] });
  const known = async (): Promise<string[]> =>
    (await items<ServiceReport>(manager, 'services')).map(({ name }) => name).sort();
  await eventually('all', known, found => found.length === 2);

  await manager.kill('SIGTERM');
  write(entry('ratings'), entry('later'), '  - {name: never, ports: [{number: http}]}\n');
  await manager.start();
  await eventually('what went is gone', known, found => found.join() === 'later,ratings');

  await manager.kill('SIGTERM');
  write(entry('later'), entry('last'), '  - {nmae: ratings}\n');
  await manager.start();
  await eventually('what came', known, found => found.includes('last'));
  t.deepEqual(await known(), ['last', 'later', 'ratings']);
  write(entry('later'), entry('last'));
  await eventually('what went is gone', known, found => found.join() === 'last,later');
});
