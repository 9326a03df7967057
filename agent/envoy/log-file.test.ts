import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { LogFile } from './log-file.ts';

async function withLog(run: (log: LogFile) => Promise<void>): Promise<void> {
  const folder = makeFolder('log');
  try {
    await run(new LogFile(join(folder, 'below', 'envoy.log'), 100));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('that is not there yet is empty, and is not made by a look', async t => {
  await withLog(async log => {
    t.is(await log.size(), 0);
    await log.bound();
    await t.throwsAsync(readFile(log.path), { code: 'ENOENT' });
  });
});

test('turns over when it has grown, while its writer goes on', async t => {
  await withLog(async log => {
    await using writer = await log.open();
    await writer.write('a'.repeat(99));
    await log.bound();
    t.is(await log.size(), 99);
    await writer.write('bc');
    await log.bound();
    await writer.write('d');
    t.is(await readFile(log.path, 'utf8'), 'd');
    t.is(await readFile(`${log.path}.1`, 'utf8'), `${'a'.repeat(99)}bc`);
  });
});

test('that cannot be read gives no reason', async t => {
  await withLog(async log => {
    await mkdir(log.path, { recursive: true });
    t.is(await log.reason(0), undefined);
  });
});

test('is bounded although its old part cannot be kept', async t => {
  await withLog(async log => {
    await mkdir(`${log.path}.1`, { recursive: true });
    await writeFile(log.path, 'a'.repeat(100));
    await log.bound();
    t.is(await log.size(), 0);
  });
});

const REASONS: readonly (readonly [lines: string[], reason: string | undefined])[] = [
  [
    ['[2026-01-01 00:00:00.000][1][critical][main] [a.cc:1] no such field', '[2026][1][info][main] [b.cc:2] bye'],
    'no such field',
  ],
  [['[t][1][error][main] [a.cc:1] first', '[t][1][error][main] [a.cc:1] second'], 'second'],
  [['sh: 1: exec: not found'], 'sh: 1: exec: not found'],
  [[], undefined],
];

for (const [lines, reason] of REASONS)
  test(`gives as reason: ${reason}`, async t => {
    await withLog(async log => {
      await using writer = await log.open();
      await writer.write('[t][1][critical][main] [a.cc:1] of an earlier life\n');
      const from = await log.size();
      await writer.write(lines.map(line => `${line}\n`).join(''));
      t.is(await log.reason(from), reason);
    });
  });
