import { processStat } from '../../manager/model/util/process-stat.ts';

const LOOK_MS = 1_000;

/**
 * Aborts once the processes that started this one change: npm, killed by SIGKILL, leaves its shell and what that runs behind. It looks once
 * a second, and does not keep this process alive.
 */
export function orphaned(): AbortSignal {
  const over = new AbortController();
  const [parent, grandparent] = [process.ppid, processStat(process.ppid)?.parent];
  const looking = setInterval(() => {
    if (process.ppid === parent && processStat(parent)?.parent === grandparent) return;
    clearInterval(looking);
    over.abort(new Error('what started this is gone'));
  }, LOOK_MS);
  looking.unref();
  return over.signal;
}
