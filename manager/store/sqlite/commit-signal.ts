/** Wakes what waits for the next commit. */
export class CommitSignal {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  /** Commits so far. */
  get count(): number {
    return this.#count;
  }

  /** Says that something was committed. */
  fire(): void {
    this.#count += 1;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Resolves once there were more commits than `seen`, or when the signal aborts. */
  async next(seen: number, signal: AbortSignal): Promise<void> {
    if (this.#count > seen || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const abort = (): void => resolve();
    signal.addEventListener('abort', abort);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#waiting.delete(resolve);
    }
  }
}
