import { setImmediate as turn } from 'node:timers/promises';

/**
 * Keys that changed, merged: however many changes come, a reader that is busy holds one entry per key, and gets them all in one batch.
 */
export class Changes {
  readonly #readers = new Set<Reader>();

  /** Tells every reader that these keys changed; no keys: something else did. */
  publish(keys: Iterable<string>): void {
    for (const reader of this.#readers) {
      for (const key of keys) reader.pending.add(key);
      reader.due = true;
      reader.wake();
    }
  }

  /**
   * Batches of changed keys. What was published since the iterator was made is not lost. Ends when the signal aborts.
   * @param initial keys of the first batch, which always comes.
   */
  read(initial: Iterable<string>, signal: AbortSignal): AsyncIterable<ReadonlySet<string>> {
    const reader: Reader = { pending: new Set(initial), due: true, wake() {} };
    if (!signal.aborted) this.#readers.add(reader);
    return this.#batches(reader, signal);
  }

  async *#batches(reader: Reader, signal: AbortSignal): AsyncGenerator<ReadonlySet<string>> {
    const stop = (): void => {
      this.#readers.delete(reader);
      reader.wake();
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        if (!reader.due) await new Promise<void>(resolve => (reader.wake = resolve));
        // A burst that arrives in one turn of the event loop becomes one batch.
        await turn();
        if (signal.aborted) return;
        const batch = reader.pending;
        reader.pending = new Set();
        reader.due = false;
        yield batch;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#readers.delete(reader);
    }
  }
}

interface Reader {
  pending: Set<string>;
  due: boolean;
  wake: () => void;
}
