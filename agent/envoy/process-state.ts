import { isRecord } from '../../manager/model/util/fields.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { ProcessRef } from './process-ref.ts';

/** What the next agent must know of the Envoy that runs. */
export interface ProcessState extends ProcessRef {
  /** Which of a line of Envoys that took over from one another. */
  readonly epoch: number;
  /** Stands for program, user, options and bootstrap: an Envoy with the same key need not be replaced. */
  readonly key: string;
  /** The Envoy that this one took over from, which may still be finishing. */
  readonly before?: ProcessRef;
}

/** Undefined when there is no such file, or when it holds something else. */
export async function readState(path: string): Promise<ProcessState | undefined> {
  const text = (await readIfThere(path))?.toString('utf8');
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { epoch, key, before } = value;
  const ref = refOf(value);
  if (ref === undefined || typeof epoch !== 'number' || typeof key !== 'string') return undefined;
  const earlier = refOf(before);
  return { ...ref, epoch, key, ...(earlier === undefined ? {} : { before: earlier }) };
}

function refOf(value: unknown): ProcessRef | undefined {
  if (!isRecord(value)) return undefined;
  const { pid, start } = value;
  const whole = Number.isSafeInteger(pid) && Number.isSafeInteger(start) && Number(pid) > 1;
  return whole ? { pid: Number(pid), start: Number(start) } : undefined;
}

/** Notes which process is Envoy, for the next agent. */
export async function writeState(path: string, state: ProcessState): Promise<void> {
  await writeAtomic(path, JSON.stringify(state));
}
