import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { formatToken, makeToken } from '../../auth/token.ts';
import { runCommand } from '../../manager/cli/command.ts';
import { makeFolder } from '../../test/folders.ts';
import { joinCommand, unreached } from './join.ts';

const TOKEN = formatToken(makeToken('0'.repeat(64)));

/** What cannot come to a Manager: words, what is on standard input, and what is said. */
const failures: readonly [words: string, stdin: string, code: number, said: RegExp][] = [
  ['127.0.0.1', '', 2, /^Give either --token or --token-file\n/],
  ['127.0.0.1 --token-file /nope', '', 1, /^Cannot read \/nope: ENOENT/],
  [
    '127.0.0.1 --token-file -',
    'x',
    1,
    /^What standard input says is no join token; .*\nTry: on the Manager: isthmus token create --identity 'default\/\*'\n$/,
  ],
  ['127.0.0.1 --token isthmus1.x', '', 1, /^What --token says is no join token/],
  ['127.0.0.1 --token-file FOLDER/token', '', 1, /^What \S+\/token says is no join token/],
  [
    '127.0.0.1:1 --token-file -',
    TOKEN,
    1,
    /^Cannot reach the Manager at 127\.0\.0\.1:1: connect ECONNREFUSED.*\nTry: isthmus status, on the Manager/,
  ],
];

for (const [words, stdin, code, said] of failures)
  test(`isthmus join ${words} with "${stdin.slice(0, 9)}" says what is wrong`, async t => {
    const folder = makeFolder('join');
    t.teardown(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'token'), 'no token');
    const seen = { out: '', err: '' };
    const argv = ['config', 'state', 'run'].flatMap(name => [`--${name}-dir`, join(folder, name)]);
    const result = await runCommand(joinCommand, [...words.replace('FOLDER', folder).split(' '), ...argv], {
      stdout: { write: text => (seen.out += text) },
      stderr: { write: text => (seen.err += text) },
      stdin: async () => stdin,
      isTTY: false,
      columns: 80,
      connect: () => ({ request: () => Promise.reject(new Error('not in a join')) }),
      signal: AbortSignal.timeout(30_000),
    });
    t.is(result, code, seen.err);
    t.regex(seen.err, said);
    t.is(seen.out, '');
  });

test('a name that is not known is not looked for on the Manager', t => {
  const cause = Object.assign(new Error('getaddrinfo ENOTFOUND m'), { code: 'ENOTFOUND' });
  const error = unreached('m:15012', cause);
  t.is(error.message, 'Cannot find the Manager: the name in m:15012 is not known here: getaddrinfo ENOTFOUND m');
  t.regex(error.next ?? '', /^its IP address; /);
});
