import { execFileSync } from 'node:child_process';
import test from 'ava';
import { connectionsWith } from './bootstrap.ts';
import { openFiles } from './open-files.ts';

test('Envoy may have as many files open as this process could', t => {
  const said = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  t.is(openFiles(), said === 'unlimited' ? Number.POSITIVE_INFINITY : Number(said));
});

for (const [files, connections] of [
  [1_024, 409],
  [20_000, 8_000],
  [524_288, 50_000],
  [Number.POSITIVE_INFINITY, 50_000],
] as const)
  test(`with ${files} open files Envoy takes ${connections} connections at once`, t => {
    t.is(connectionsWith(files), connections);
  });
