import type { Clock } from './clock.ts';

interface Sleeper {
  /** The beat that wakes it. */
  readonly beat: number;
  readonly wake: () => void;
}

/** What beats are counted by; a test holds it still. */
export interface BeatTime {
  /** Milliseconds that are never set back. */
  now(): number;
  /** Calls once after so many milliseconds. @returns what calls that off. */
  after(ms: number, call: () => void): () => void;
}

const processTime: BeatTime = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * A clock whose sleepers wake together, with the beats of one timer: who looks after several things now and then wakes the processor
 * once for all of them. A sleep lasts as long as asked for, give or take half a beat.
 */
export class BeatClock implements Clock {
  readonly #beatMs: number;
  readonly #time: BeatTime;
  readonly #sleepers = new Set<Sleeper>();
  /** The beat that woke somebody last. */
  #last = -1;
  #callOff: () => void = () => {};
  /** The beat that the timer is set to. */
  #next = Infinity;

  /** @param beatMs from one beat to the next. */
  constructor(beatMs: number, time: BeatTime = processTime) {
    this.#beatMs = beatMs;
    this.#time = time;
  }

  now(): number {
    return Date.now();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A timer may be a little early: the beat that just woke somebody is over.
    const beat = Math.max(this.#last + 1, Math.round((this.#time.now() + ms) / this.#beatMs));
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
    this.#callOff();
    this.#next = Infinity;
    for (const { beat } of this.#sleepers) this.#next = Math.min(this.#next, beat);
    if (this.#next === Infinity) return;
    const waitMs = Math.max(0, this.#next * this.#beatMs - this.#time.now());
    this.#callOff = this.#time.after(waitMs, () => this.#wake());
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
