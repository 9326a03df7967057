import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processStat } from '../manager/model/util/process-stat.ts';

const NAME = /^isthmus-[a-z-]+?-(\d+)-(\d+)-[A-Za-z0-9]{6}$/;

/**
 * Makes a folder for a test, who removes it. Its name says which process made it, by pid and start time: what processes that were killed
 * have left is removed first, with the programs that still run on it.
 * @param name of what it is for: lower-case letters and hyphens.
 */
export function makeFolder(name: string): string {
  sweepFolders();
  return mkdtempSync(join(tmpdir(), `isthmus-${name}-${process.pid}-${processStat(process.pid)?.start ?? 0}-`));
}

/** Removes the folders of makers that live no more. */
export function sweepFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const [, pid, start] = NAME.exec(name) ?? [];
    if (pid === undefined || lives(Number(pid), Number(start))) continue;
    const folder = join(tmpdir(), name);
    for (const user of usersOf(folder)) killed(user);
    // Who was killed may write until it is gone.
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Whether the very process lives: what remains of one until its parent looks writes nothing any more. */
function lives(pid: number, start: number): boolean {
  const stat = processStat(pid);
  return stat !== undefined && stat.start === start && stat.state !== 'Z' && stat.state !== 'X';
}

/** Processes that were started with a path below the folder, such as a server of which the supervisor was killed too. */
function usersOf(folder: string): readonly number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return pids.map(Number).filter(pid => argumentsOf(pid).some(one => one.includes(`${folder}/`)));
}

function argumentsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it ended since the listing
  }
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
