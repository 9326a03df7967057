import { readFileSync } from 'node:fs';

const LOOK_MS = 1_000;

/**
 * Aborts once the processes that started this one change: npm, killed by SIGKILL, leaves its shell and what that runs behind. It looks once
 * a second, and does not keep this process alive.
 */
export function orphaned(): AbortSignal {
  const over = new AbortController();
  const [parent, grandparent] = [process.ppid, parentOf(process.ppid)];
  const looking = setInterval(() => {
    if (process.ppid === parent && parentOf(parent) === grandparent) return;
    clearInterval(looking);
    over.abort(new Error('what started this is gone'));
  }, LOOK_MS);
  looking.unref();
  return over.signal;
}

/** See proc_pid_stat(5); undefined when there is no such process. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
