import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { readStream, readText } from './read-text.ts';

function place(t: ExecutionContext, name: string): string {
  const folder = makeFolder('read-text');
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, name);
}

function makePipe(t: ExecutionContext): string {
  const path = place(t, 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

const soon = (): AbortSignal => AbortSignal.timeout(20_000);

test('what is written into a named pipe is read whole, also when its writer comes later', async t => {
  const path = makePipe(t);
  const [long, read] = ['ä'.repeat(200_000), readText(path, soon())];
  await writeFile(path, long);
  t.is(await read, long);
});

test('the wait for the writer of a pipe, and for standard input, ends with the signal', async t => {
  const abort = new AbortController();
  const waits = [readText(makePipe(t), abort.signal), readStream(new PassThrough(), 'standard input', abort.signal)];
  setImmediate(() => abort.abort());
  for (const wait of waits) await t.throwsAsync(wait, { message: 'Stopped' });
});

const refused: readonly [string, (path: string) => unknown, RegExp][] = [
  ['a device', () => '/dev/zero', /^Cannot read \/dev\/zero: it is a device; name a file or a named pipe, or /],
  ['a folder', path => mkdirSync(path), /^Cannot read .*\/x: EISDIR/],
  ['what is not there', () => undefined, /^Cannot read .*\/x: ENOENT/],
  [
    'a file that is too large',
    path => {
      writeFileSync(path, '');
      truncateSync(path, 17 * 1024 * 1024);
    },
    /^Cannot read .*\/x: it holds more than 16777216 bytes/,
  ],
];

for (const [what, make, message] of refused)
  test(`${what} is refused`, async t => {
    const path = place(t, 'x');
    const other = make(path);
    await t.throwsAsync(readText(typeof other === 'string' && other.startsWith('/dev') ? other : path, soon()), {
      name: 'CommandError',
      message,
    });
  });

test('a stream without end is refused', async t => {
  const endless = Readable.from(Array.from({ length: 1_000 }, () => Buffer.alloc(65_536)));
  await t.throwsAsync(readStream(endless, 'standard input', soon()), {
    message: /^Cannot read standard input: it holds more/,
  });
});
