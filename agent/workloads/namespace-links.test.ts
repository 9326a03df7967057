import { mkdir, readdir, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { workload } from '../compile/fixtures.ts';
import { namespaceLink } from '../compile/names.ts';
import { namespaceAt } from '../redirect/table.ts';
import { linkNamespaces } from './namespace-links.ts';

const HOST = {
  name: 'a',
  address: '10.0.0.1',
  tunnelPort: 15_008,
  network: '',
  locality: { region: '', zone: '', subzone: '' },
};

test('a namespace has a link of its own, until another takes its path', async t => {
  const folder = makeFolder('links');
  t.teardown(() => rm(folder, { recursive: true }));
  const links = join(folder, 'links');
  const path = join(folder, 'box');
  const box = (): ReturnType<typeof workload>['local'] =>
    workload(HOST, 'box', [], { selector: { kind: 'namespace', path, id: namespaceAt(path)! } }).local;
  await writeFile(path, '');
  const first = box();
  for (let twice = 0; twice < 2; twice += 1) await linkNamespaces(links, [first]);
  t.is(await readlink(namespaceLink(links, first)!), path);
  await linkNamespaces(links, []);
  t.is(
    (await stat(namespaceLink(links, first)!)).ino,
    (await stat(path)).ino,
    'its rules may still have to be removed',
  );
  await writeFile(join(folder, 'new'), '');
  await rename(join(folder, 'new'), path);
  const second = box();
  await linkNamespaces(links, [second]);
  t.deepEqual(await readdir(links), [second.selector.kind === 'namespace' ? second.selector.id : '']);
  await rm(path);
  await linkNamespaces(links, []);
  t.deepEqual(await readdir(links), []);
});

test('a namespace that cannot be linked keeps no other from its link, and is told of', async t => {
  const folder = makeFolder('links');
  t.teardown(() => rm(folder, { recursive: true }));
  const links = join(folder, 'links');
  const path = join(folder, 'box');
  await writeFile(path, '');
  await mkdir(join(links, '1-1', 'within'), { recursive: true });
  const id = namespaceAt(path)!;
  const [odd, taken, good] = (
    [
      ['odd', 'a/b'],
      ['taken', '1-1'],
      ['good', id],
    ] as const
  ).map(([name, own]) => workload(HOST, name, [], { selector: { kind: 'namespace', path, id: own } }).local);
  const problems = await linkNamespaces(links, [odd!, taken!, good!]);
  t.is(await readlink(join(links, id)), path);
  t.deepEqual(
    problems.map(({ origin }) => origin),
    [odd, taken].map(local => `workload ${local!.workload.uid}`),
  );
  t.regex(problems[1]!.message, /^its network namespace cannot be linked: EEXIST/);
});
