/** Wakes one waiter: something may have changed, or there is nothing to wait for any more. */
export class Wake {
  readonly #signal: AbortSignal;
  #called = false;
  #error: unknown;
  #failed = false;
  #resume: () => void = () => undefined;

  /** @param signal ends every wait without an error. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Something may have changed. */
  call(): void {
    this.#called = true;
    this.#resume();
  }

  /** The session is over: the wait under way, or the next, throws this. */
  fail(error: unknown): void {
    if (!this.#failed) this.#error = error;
    this.#failed = true;
    this.#resume();
  }

  /** Until the next call (one that came since the last wait counts), the end of the session, or so many milliseconds if said. @throws what `fail` was given. */
  async wait(ms?: number): Promise<void> {
    if (!this.#called && !this.#failed) await this.#pause(ms);
    this.#called = false;
    if (this.#failed) throw this.#error;
  }

  /** Until nothing was called for `quietMs`, and at most for `ceilingMs`. @throws what `fail` was given. */
  async settle(quietMs: number, ceilingMs: number): Promise<void> {
    const end = performance.now() + ceilingMs;
    do {
      this.#called = false;
      await this.#pause(quietMs);
      if (this.#failed) throw this.#error;
    } while (this.#called && performance.now() < end && !this.#signal.aborted);
    this.#called = false;
  }

  #pause(ms: number | undefined): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise(resolve => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.#resume(), ms);
      const done = (): void => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', done);
        this.#resume = () => undefined;
        resolve();
      };
      this.#signal.addEventListener('abort', done, { once: true });
      this.#resume = done;
    });
  }
}
