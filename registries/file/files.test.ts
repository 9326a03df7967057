import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { Files } from './files.ts';

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
