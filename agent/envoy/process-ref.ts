import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../manager/model/util/errors.ts';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessRef {
  readonly pid: number;
  /** When it started, clock ticks since boot: field 22 of /proc/<pid>/stat. */
  readonly start: number;
}

/** The process that has this number now; undefined when there is none, or only its remains. */
export async function processRef(pid: number): Promise<ProcessRef | undefined> {
  try {
    // The kernel answers at once; by way of other threads it would be the most of what an idle agent does.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces and parentheses of its own.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : { pid, start: Number(fields[18]) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** Whether that very process still runs: not another one that has its number now. */
export async function isAlive(ref: ProcessRef): Promise<boolean> {
  return (await processRef(ref.pid))?.start === ref.start;
}

/** Resolves once a process is gone; looks ten times a second, as Linux tells only a parent. @throws an AbortError. */
export async function gone(ref: ProcessRef, signal: AbortSignal): Promise<void> {
  while (await isAlive(ref)) await delay(100, undefined, { signal });
}

/** Sends a signal if that very process still lives. @returns whether it did. */
export async function sendSignal(ref: ProcessRef, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(ref))) return false;
  try {
    return process.kill(ref.pid, signal);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}
