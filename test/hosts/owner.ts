import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { processStat } from '../../manager/model/util/process-stat.ts';

/** Removes a network and waits for it, or for the end of this process, whichever comes first. */
export interface Watchdog {
  /** Removes everything that carries the id; resolves when it is gone. */
  release(): Promise<void>;
}

const SCRIPT = new URL('cleanup.sh', import.meta.url).pathname;
const ID = /^ih-([a-z0-9]+)-(\d+)-(\d+)-\d+$/;
let networks = 0;

/**
 * An id that no other network has. It names the process that made it by pid and start time, so that anyone can tell
 * whether the maker still lives. Namespaces are named `<id>.<host>`, the folder of files is `/tmp/<id>`.
 */
export function newId(prefix: string): string {
  networks += 1;
  return `ih-${prefix}-${process.pid}-${processStat(process.pid)?.start}-${networks}`;
}

/** Starts the process that outlives this one and cleans up after it. */
export function guard(id: string): Watchdog {
  const child = spawn('sh', [SCRIPT, id], { detached: true, stdio: ['pipe', 'ignore', 'inherit'], cwd: '/' });
  const ended = once(child, 'exit');
  // The write end of this pipe is held by this process alone: children get it closed.
  child.stdin.on('error', () => undefined);
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return {
    async release() {
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}

/** Removes what makers that no longer live left behind. */
export async function sweep(): Promise<void> {
  const ids = new Set<string>();
  for (const folder of ['/run/netns', '/etc/netns', '/tmp']) {
    for (const name of list(folder)) ids.add(name.split('.')[0]!);
  }
  await Promise.all([...ids].filter(isAbandoned).map(id => guard(id).release()));
}

function isAbandoned(id: string): boolean {
  const [, , pid, start] = ID.exec(id) ?? [];
  return pid !== undefined && processStat(Number(pid))?.start !== Number(start);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
