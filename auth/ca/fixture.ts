import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { makeFolder } from '../../test/folders.ts';

/** Runs openssl in a directory; what it printed. */
export function openssl(directory: string, ...args: string[]): string {
  return execFileSync('openssl', args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A directory that goes with the test. */
export function scratch(t: { teardown(work: () => void): void }): string {
  const directory = makeFolder('ca');
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}
