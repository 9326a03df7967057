import { readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { Fields } from '../../manager/model/util/fields.ts';
import { readWorkload } from '../../platforms/linux/document.ts';
import { readDocument } from '../../registries/file/document.ts';
import { readAgentConfig } from './agent.ts';
import { readManagerConfig } from './manager.ts';

/** The YAML that a document shows, each example with its first line. */
function examples(path: string): readonly (readonly [title: string, text: string])[] {
  const text = readFileSync(new URL(path, import.meta.url), 'utf8');
  return [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => [yaml.split('\n')[0]!, yaml]);
}

/** Reads an example as what it is. @throws for what a person who copied it would be told. */
function read(text: string): void {
  const fields = new Fields(parse(text), '');
  if (fields.has('selector')) {
    readWorkload(text, 'example', 'vm-7');
    return;
  }
  if (fields.has('services')) {
    const { services, problems } = readDocument(text, 'example');
    const wrong = [...problems, ...services.flatMap(service => service.problems)];
    if (services.length === 0 || wrong.length > 0) throw new Error(JSON.stringify(wrong));
    return;
  }
  if (fields.has('host')) readAgentConfig(fields, ['linux']);
  else readManagerConfig(fields, '/etc/isthmus');
  fields.unknown();
  fields.check('the example');
}

for (const [title, text] of examples('../../README.md'))
  test(`the README's example that begins with "${title}" is taken`, t => {
    t.notThrows(() => read(text));
  });

for (const [title, text] of examples('../../registries/README.md').filter(([, yaml]) => yaml.startsWith('services:')))
  test(`the registries' example that begins with "${title}" is taken`, t => {
    t.notThrows(() => read(text));
  });
