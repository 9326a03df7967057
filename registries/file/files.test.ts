import { execFileSync } from 'node:child_process';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { type FileFacts, Files } from './files.ts';

test('a file that is no YAML is named once, with the line', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'a.yaml');
  await writeFile(file, 'a: [');
  const { problems } = await new Files(folder, false).look(new AbortController().signal);
  const [problem] = problems;
  t.is(problem?.where, `${file}:1`);
  t.notRegex(problem?.why ?? '', /a\.yaml/);
  t.regex(problem?.why ?? '', /; nothing new of it is used$/);
});

test('a pipe or a folder that is named like a file is named, and the others are read', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  execFileSync('mkfifo', [join(folder, 'a.yaml')]);
  await mkdir(join(folder, 'b.yaml'));
  await writeFile(join(folder, 'c.yaml'), 'services: [{name: reviews}]');
  const { services, problems } = await new Files(folder, false).look(AbortSignal.timeout(10_000));
  t.deepEqual([...services.keys()], ['/reviews']);
  t.deepEqual(problems, [
    { where: join(folder, 'a.yaml'), why: 'is no file; write the services into one; nothing new of it is used' },
    { where: join(folder, 'b.yaml'), why: 'is no file; write the services into one; nothing new of it is used' },
  ]);
});

test('what a file keeps, as an entry of it has no name, gives way to what another file lists', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  const [a, b] = [join(folder, 'a.yaml'), join(folder, 'b.yaml')];
  const instances = (address: string): string => `instances: [{id: i, address: ${address}, ports: {http: 80}}]`;
  await writeFile(a, `services: [{name: moved, ${instances('10.0.0.1')}}, {name: x}]`);
  const files = new Files(folder, false);
  await files.look(new AbortController().signal);
  await writeFile(a, 'services: [{name: X_BAD}]');
  await writeFile(b, `services: [{name: moved, ${instances('10.0.0.2')}}]`);
  const { services, problems } = await files.look(new AbortController().signal);
  t.is(services.get('/moved')?.instances[0]?.address, '10.0.0.2');
  t.deepEqual([...services.keys()].sort(), ['/moved', '/x']);
  t.is(problems.length, 1, JSON.stringify(problems));
});

for (const [what, ageMs, seen] of [
  ['is read again when it is young', 0, '/two'],
  ['is taken for unchanged when it is old', 1_000, '/one'],
] as const)
  test(`a file that bears the times of the look before ${what}`, async t => {
    const folder = makeFolder('files');
    t.teardown(() => rm(folder, { recursive: true }));
    const file = join(folder, 'a.yaml');
    await writeFile(file, 'services: [{name: one}]');
    const facts = await stat(file, { bigint: true });
    // A file system whose clock stands.
    const coarse = async (): Promise<FileFacts> => Object.assign(facts, { mtimeMs: BigInt(Date.now() - ageMs) });
    const files = new Files(folder, false, coarse);
    await files.look(AbortSignal.timeout(10_000));
    await writeFile(file, 'services: [{name: two}]');
    const { services } = await files.look(AbortSignal.timeout(10_000));
    t.deepEqual([...services.keys()], [seen]);
  });

for (const [what, content, services] of [
  ['stays away is gone at the look after', undefined, []],
  ['comes back says what it says then', 'services: [{name: two}]', ['/two']],
  ['comes back as it was says the same', 'services: [{name: one}]', ['/one']],
] as const)
  test(`a file that goes away has one look of patience; one that ${what}`, async t => {
    const folder = makeFolder('files');
    t.teardown(() => rm(folder, { recursive: true }));
    const file = join(folder, 'a.yaml');
    await writeFile(file, 'services: [{name: one}]');
    const files = new Files(folder, false);
    const look = async (): Promise<[missing: boolean, services: readonly string[]]> => {
      const listing = await files.look(AbortSignal.timeout(10_000));
      return [listing.missing, [...listing.services.keys()]];
    };
    t.deepEqual(await look(), [false, ['/one']]);
    await rm(file);
    t.deepEqual(await look(), [true, ['/one']]);
    if (content !== undefined) await writeFile(file, content);
    t.deepEqual(await look(), [false, [...services]]);
    t.deepEqual(await look(), [false, [...services]]);
  });

test('of a file that breaks, what was wrong with the version before is told no more: its lines are gone', async t => {
  const folder = makeFolder('files');
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'a.yaml');
  const wrong = [
    'services:',
    '- name: good',
    '  instances: [{port: 1}]',
    '- name: bad',
    '  prts: 3',
    '- prts: 3',
    '',
  ].join('\n');
  await writeFile(file, wrong);
  const files = new Files(folder, false);
  const look = (): ReturnType<Files['look']> => files.look(new AbortController().signal);
  const first = await look();
  t.is(first.problems.length, 1);
  await writeFile(file, 'services: [');
  const broken = await look();
  t.deepEqual(
    broken.problems.map(({ where }) => where),
    [`${file}:1`],
  );
  t.deepEqual(
    [...broken.services.values()].flatMap(({ problems }) => problems),
    [],
  );
  t.deepEqual(
    [...broken.unreadable.values()].map(({ problem }) => problem),
    [{ where: file, why: 'service "bad" could not be used before either' }],
  );
  t.is((await look()).services.get('/good'), broken.services.get('/good'), 'nothing new is told of it');
  await writeFile(file, wrong);
  const again = await look();
  t.deepEqual([again.problems, again.services, again.unreadable], [first.problems, first.services, first.unreadable]);
});
