/** A warning that may be due without end comes so often, milliseconds. */
const EVERY_MS = 5 * 60_000;

/** Keeps a warning from filling the log: it is said at once, then again after some minutes, with how often it was due meanwhile. */
export class Rarely {
  readonly #now: () => number;
  #saidAt = -Infinity;
  #times = 0;

  /** @param now milliseconds since whenever; for tests. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Counts one more. @returns how often it was due since it was said last, this time included; undefined when it is not to be said now. */
  due(): number | undefined {
    this.#times += 1;
    const now = this.#now();
    if (now - this.#saidAt < EVERY_MS) return undefined;
    this.#saidAt = now;
    const times = this.#times;
    this.#times = 0;
    return times;
  }
}
