import { fileURLToPath } from 'node:url';
import type { Host } from '../hosts/host.ts';
import { CONNECTIONS, type Load } from './load.ts';

/** Where a path takes its load. */
export interface Target {
  /** The caller's host. */
  readonly host: Host;
  /** The caller's user; root when absent. */
  readonly uid?: number;
  readonly url: string;
}

/** What one run of the load generator found. */
export interface Sample {
  /** Requests answered, a second. */
  readonly rps: number;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Refused, broken or timed-out connections, and answers that are not 2xx or 3xx. */
  readonly failed: number;
}

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));

/**
 * Loads a target with wrk: one thread, a fixed number of connections, each asking again as soon as it has its answer.
 * @param seconds whole ones.
 */
export async function measure(target: Target, load: Load, seconds: number): Promise<Sample> {
  const close = load.connections === 'new' ? ['-H', 'Connection: close'] : [];
  const shape = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '5s'];
  const user = target.uid === undefined ? {} : { uid: target.uid, readAll: true };
  const timeoutMs = seconds * 1000 + 15_000;
  const output = await target.host.run(['wrk', ...shape, '-s', SCRIPT, ...close, target.url], { ...user, timeoutMs });
  const line = output.trim().split('\n').at(-1)!;
  const { requests, seconds: lasted, ...found } = JSON.parse(line) as Omit<Sample, 'rps'> & { seconds: number };
  return { ...found, requests, rps: requests / lasted };
}
