import { setTimeout as delay } from 'node:timers/promises';

/** How long and how often to ask, milliseconds; and what makes an end of it. */
export interface Patience {
  /** 30 s when absent. */
  readonly timeoutMs?: number;
  /** Between an answer and the next question; so short that it costs little. 50 when absent. */
  readonly pauseMs?: number;
  /** When it aborts, its reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Asks until the answer holds, and resolves to that answer: for what gives no event to await. A question that fails is asked again too.
 * @throws after the deadline, with the last answer; the reason of the signal when that aborts.
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  holds: (found: T) => boolean,
  { timeoutMs = 30_000, pauseMs = 50, signal }: Patience = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let last: unknown; ; ) {
    signal?.throwIfAborted();
    try {
      const found = await look();
      if (holds(found)) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const said = last instanceof Error ? last.stack : JSON.stringify(last, undefined, 1);
      throw new Error(`${what}: not within ${timeoutMs} ms; last: ${said}`);
    }
    await delay(pauseMs, undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}
