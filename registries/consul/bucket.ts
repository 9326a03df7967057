import { setTimeout as delay } from 'node:timers/promises';

/** Lets a few pass at once and then so many a second: a blocking query that returns at once, again and again, must not spin. */
export class Bucket {
  readonly #burst: number;
  readonly #everyMs: number;
  /** When the bucket will be full, by the monotonic clock. */
  #full = 0;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#everyMs = 1000 / perSecond;
  }

  /** @throws the signal's reason when it aborts. */
  async take(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#full = Math.max(this.#full, now) + this.#everyMs;
    const waitMs = this.#full - now - this.#burst * this.#everyMs;
    if (waitMs > 0) await delay(waitMs, undefined, { signal });
    else signal.throwIfAborted();
  }
}
