import { readFileSync } from 'node:fs';
import { codeOf } from './errors.ts';

/** What the kernel says of a process: proc_pid_stat(5). */
export interface ProcessStat {
  /** Such as `R`, `S`; `Z` and `X` are the remains of one that ended. */
  readonly state: string;
  readonly parent: number;
  /** Processor time so far, of user and system, with that of children that ended; clock ticks. */
  readonly ticks: number;
  /** When it started, clock ticks since boot: with the pid, it names a process for good. */
  readonly start: number;
}

/** Reads at once: the kernel does not let one wait. Undefined when there is no such process. */
export function processStat(pid: number): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold spaces and parentheses of its own.
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(10, 14).reduce((sum, field) => sum + Number(field), 0);
    return { state, parent: Number(fields[0]), ticks, start: Number(fields[18]) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}
