import test from 'ava';
import { parse, stringify } from 'yaml';
import { escapeControls } from './controls.ts';

const NAME = 'a\u009b2Jb\u007f\u0085ü\u001b[2J';

const LANGUAGES: readonly [string, write: (value: unknown) => string, read: (text: string) => unknown][] = [
  ['JSON', value => JSON.stringify(value), text => JSON.parse(text)],
  ['YAML', value => stringify(value), text => parse(text)],
];

for (const [language, write, read] of LANGUAGES)
  test(`what is written as ${language} moves no cursor, and reads as it was`, t => {
    const text = escapeControls(write({ [NAME]: [NAME] }));
    t.notRegex(text, /[^\P{Cc}\n]/u);
    t.deepEqual(read(text), { [NAME]: [NAME] });
  });
