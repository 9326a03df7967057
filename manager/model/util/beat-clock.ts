import type { Clock } from './clock.ts';

interface Sleeper {
  /** The beat that wakes it. */
  readonly beat: number;
  readonly wake: () => void;
}

/**
 * A clock whose sleepers wake together, with the beats of one timer: who looks after several things now and then wakes the processor
 * once for all of them. A sleep lasts as long as asked for, give or take half a beat.
 */
export class BeatClock implements Clock {
  readonly #beatMs: number;
  readonly #sleepers = new Set<Sleeper>();
  /** The beat that woke somebody last. */
  #last = -1;
  #timer: NodeJS.Timeout | undefined;
  /** The beat that the timer is set to. */
  #next = Infinity;

  /** @param beatMs from one beat to the next. */
  constructor(beatMs: number) {
    this.#beatMs = beatMs;
  }

  now(): number {
    return Date.now();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A timer may be a little early: the beat that just woke somebody is over.
    const beat = Math.max(this.#last + 1, Math.round((performance.now() + ms) / this.#beatMs));
    const abort = (): void => {
      this.#sleepers.delete(sleeper);
      this.#set();
      reject(signal?.reason as Error);
    };
    const wake = (): void => {
      signal?.removeEventListener('abort', abort);
      resolve();
    };
    const sleeper = { beat, wake };
    this.#sleepers.add(sleeper);
    signal?.addEventListener('abort', abort, { once: true });
    if (beat < this.#next) this.#set();
    return promise;
  }

  /** Sets the timer to the beat that is due next, if any. */
  #set(): void {
    clearTimeout(this.#timer);
    this.#next = Infinity;
    for (const { beat } of this.#sleepers) this.#next = Math.min(this.#next, beat);
    if (this.#next === Infinity) return;
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, this.#next * this.#beatMs - performance.now()));
  }

  #wake(): void {
    this.#last = this.#next;
    for (const sleeper of this.#sleepers) {
      if (sleeper.beat > this.#last) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
    this.#set();
  }
}
