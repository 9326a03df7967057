import { readdirSync, readFileSync } from 'node:fs';
import { processStat } from '../../manager/model/util/process-stat.ts';

/** What a group of processes has used. */
export interface Usage {
  /** Processor time of user and system so far, ms, with that of children that ended. The kernel counts in steps of 10 ms. */
  readonly cpuMs: number;
  /** Resident memory, bytes. */
  readonly residentBytes: number;
}

const TICK_MS = 10; // USER_HZ is 100 on every Linux that Node runs on

/** The usage of one process, all its threads together; zero when it is gone. See proc(5), /proc/pid/stat. */
export function usageOf(pid: number): Usage {
  const stat = processStat(pid);
  if (stat === undefined) return { cpuMs: 0, residentBytes: 0 };
  return { cpuMs: stat.ticks * TICK_MS, residentBytes: residentOf(pid) };
}

function residentOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it ended since
  }
}

/** The sum over several processes. */
export function usageOfAll(pids: readonly number[]): Usage {
  const all = pids.map(usageOf);
  return {
    cpuMs: all.reduce((sum, one) => sum + one.cpuMs, 0),
    residentBytes: all.reduce((sum, one) => sum + one.residentBytes, 0),
  };
}

/** A process and all that it started and that is still its child or grandchild. */
export function familyOf(pid: number): readonly number[] {
  const parents = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = processStat(Number(entry))?.parent;
    if (parent !== undefined) parents.set(parent, [...(parents.get(parent) ?? []), Number(entry)]);
  }
  const family = [pid];
  for (const member of family) family.push(...(parents.get(member) ?? []));
  return family;
}
