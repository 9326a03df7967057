import { setTimeout as delay } from 'node:timers/promises';

/** Time, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after so many milliseconds. @throws the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    await delay(ms, undefined, signal ? { signal } : {});
  },
};

/** Node's timers hold at most 2^31 ms; and a clock that was set is noticed within an hour. */
const LONGEST_SLEEP_MS = 3_600_000;

/** Resolves at a time, however far away, or when the signal aborts. Never rejects. @param time milliseconds since 1970. */
export async function sleepUntil(clock: Clock, time: number, signal: AbortSignal): Promise<void> {
  for (let left = time - clock.now(); left > 0 && !signal.aborted; left = time - clock.now())
    await clock.sleep(Math.min(left, LONGEST_SLEEP_MS), signal).catch(() => undefined);
}
