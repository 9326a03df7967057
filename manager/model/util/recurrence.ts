/** Notices that something happens again and again. */
export class Recurrence {
  readonly #times: number;
  readonly #withinMs: number;
  readonly #now: () => number;
  /** When it last happened, so many times at the most. */
  #when: number[] = [];

  /** @param now monotonic, milliseconds; for tests. */
  constructor(times: number, withinMs: number, now: () => number = () => performance.now()) {
    this.#times = times;
    this.#withinMs = withinMs;
    this.#now = now;
  }

  /** It happened. */
  note(): void {
    this.#when = [...this.#when, this.#now()].slice(-this.#times);
  }

  /** Whether it happened so many times within the time that ends now. */
  get isFrequent(): boolean {
    const [first] = this.#when;
    return this.#when.length === this.#times && this.#now() - first! <= this.#withinMs;
  }
}
