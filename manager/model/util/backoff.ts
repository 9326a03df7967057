export interface BackoffOptions {
  /** First wait, milliseconds. */
  readonly initialMs?: number;
  /** Longest wait, milliseconds. */
  readonly maximumMs?: number;
  /** 0–1 exclusive; for tests. */
  readonly random?: () => number;
}

/** Growing waits between tries, with full jitter above half: two that fail together do not come back together. */
export class Backoff {
  readonly #initial: number;
  readonly #maximum: number;
  readonly #random: () => number;
  #tries = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initial = options.initialMs ?? 100;
    this.#maximum = options.maximumMs ?? 15_000;
    this.#random = options.random ?? Math.random;
  }

  /** The next wait, milliseconds: between half and the whole of a bound that doubles up to the maximum. */
  next(): number {
    const bound = Math.min(this.#maximum, this.#initial * 2 ** Math.min(this.#tries, 30));
    this.#tries += 1;
    return bound / 2 + (bound / 2) * this.#random();
  }

  /** Call once things work again, not merely when a connection stands. */
  reset(): void {
    this.#tries = 0;
  }
}
