import { fileURLToPath } from 'node:url';
import { CONNECTIONS, type Load } from './load.ts';
import { run } from './run.ts';

/** Where a path takes its load: a command that runs inside the caller's host, and the address it calls. */
export interface Target {
  /** Puts a command into the caller's host, as the caller's user. */
  inside(command: readonly string[]): readonly string[];
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
export async function measure(target: Target, load: Load, seconds: number, signal?: AbortSignal): Promise<Sample> {
  const close = load.connections === 'new' ? ['-H', 'Connection: close'] : [];
  const command = [
    'wrk',
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${seconds}s`,
    '--timeout',
    '5s',
    '-s',
    SCRIPT,
    ...close,
    target.url,
  ];
  const output = await run(target.inside(command), signal, seconds * 1000 + 15_000);
  const line = output.trim().split('\n').at(-1)!;
  const found = JSON.parse(line) as { requests: number; seconds: number; p50Ms: number; p99Ms: number; failed: number };
  return {
    rps: found.requests / found.seconds,
    requests: found.requests,
    p50Ms: found.p50Ms,
    p99Ms: found.p99Ms,
    failed: found.failed,
  };
}
