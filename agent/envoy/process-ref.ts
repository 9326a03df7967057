import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../manager/model/util/errors.ts';
import { processStat } from '../../manager/model/util/process-stat.ts';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessRef {
  readonly pid: number;
  /** When it started, clock ticks since boot. */
  readonly start: number;
}

/** The process that has this number now; undefined when there is none, or only its remains. */
export async function processRef(pid: number): Promise<ProcessRef | undefined> {
  // Read at once: by way of other threads it would be the most of what an idle agent does.
  const stat = processStat(pid);
  return stat === undefined || stat.state === 'Z' || stat.state === 'X' ? undefined : { pid, start: stat.start };
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
