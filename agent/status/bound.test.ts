import { once } from 'node:events';
import { rmSync, unlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { isBound, isBoundIn } from './bound.ts';

const TABLE = `Num       RefCount Protocol Flags    Type St Inode Path
000000004810226e: 00000003 00000000 00000000 0001 03 7961856 /run/a.sock
000000002786a4d8: 00000002 00000000 00010000 0001 01 79 /run/b c.sock
0000000091682434: 00000002 00000000 00010000 0001 01 7960927
`;

test('one that listens is told from one that is connected', t => {
  t.deepEqual(
    ['/run/a.sock', '/run/b c.sock', '/run/b', ''].map(path => isBoundIn(TABLE, path)),
    [false, true, false, false],
  );
});

test('a program that listens is known though its socket was removed, as long as it does', async t => {
  const folder = makeFolder('bound');
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'sock');
  t.false(isBound(path));
  const server = createServer().listen(path);
  await once(server, 'listening');
  unlinkSync(path);
  t.true(isBound(path));
  server.close();
  await once(server, 'close');
  t.false(isBound(path));
});
