import test from 'ava';
import { ConfigError } from './errors.ts';
import { readYaml } from './yaml.ts';

const TENFOLD = Array.from(
  { length: 4 },
  (_, level) =>
    `a${level}: &a${level} [${Array(10)
      .fill(level === 0 ? 'x' : `*a${level - 1}`)
      .join(', ')}]`,
).join('\n');

/** What cannot be one document of ours, where, and what is said of it. */
const broken: readonly [what: string, text: string, path: string, said: RegExp][] = [
  ['two documents', 'name: a\n---\nname: b\n', 'line 2', /^a second document begins, after "---": keep one/],
  ['a list that holds itself', 'name: &a [*a]\n', 'line 1', /^maps and lists are nested .* or hold themselves/],
  ['a map that holds itself', 'name: &a { b: *a }\n', 'line 1', /^maps and lists are nested .* or hold themselves/],
  ['20,000 lists in each other', '['.repeat(20_000), 'line 1', /^maps and lists are nested/],
  [
    'UTF-16',
    Buffer.from('name: a\n', 'utf16le').toString(),
    'line 1',
    /^is no text: it has a byte 0; save it as UTF-8$/,
  ],
  ['aliases of aliases', TENFOLD, 'line 1', /^Excessive alias count/],
];

for (const [what, text, path, said] of broken)
  test(`${what} is named by file and line`, t => {
    const error = t.throws(() => readYaml(text, 'a.yaml', fields => fields.string('name')), {
      instanceOf: ConfigError,
    });
    t.regex(error.message, /a\.yaml/);
    t.deepEqual(error.errors.length, 1);
    t.is(error.errors[0]?.path, path);
    t.regex(error.errors[0]?.message ?? '', said);
  });
