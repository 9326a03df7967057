import { Wake } from '../manager/model/util/wake.ts';
import type { RegistryEvent } from './registry.ts';

/** What the parts of an adapter's session have to say, merged by key while the reader is busy. */
export class Outbox {
  readonly #signal: AbortSignal;
  readonly #wake: Wake;
  #pending = new Map<string, RegistryEvent>();

  /** @param signal ends the reading. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.#wake = new Wake(signal);
  }

  /** Says something, in place of what was said under that key and has not been read. What was said first is read first. */
  put(key: string, event: RegistryEvent): void {
    this.#pending.set(key, event);
    this.#wake.call();
  }

  /** Ends the reading with an error. */
  fail(error: unknown): void {
    this.#wake.fail(error);
  }

  /** Ends when the signal aborts. @throws what `fail` was given. */
  async *read(): AsyncGenerator<RegistryEvent> {
    while (!this.#signal.aborted) {
      await this.#wake.wait();
      // What a lost session says last may be half of the truth.
      if (this.#signal.aborted) return;
      const events = this.#pending;
      this.#pending = new Map();
      yield* events.values();
    }
  }
}
