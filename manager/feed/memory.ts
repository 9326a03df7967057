import { type Debounced, debounce } from '../model/util/debounce.ts';
import { messageOf } from '../model/util/errors.ts';
import type { Logger } from '../model/util/log.ts';
import type { Store } from '../store/store.ts';

/** Writes are gathered for so long at the least and at the most, milliseconds: what flaps is written once. */
const QUIET_MS = 500;
const CEILING_MS = 2_000;

/**
 * Values by key that outlive the Manager, written to the store soon after they change. It is a memory, not a source: whoever reads it has
 * a better source coming, and it bridges the time until that speaks.
 */
export class Memory<T> {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #logger: Logger;
  readonly #pending = new Map<string, T | undefined>();
  readonly #soon: Debounced;
  #writing: Promise<void> = Promise.resolve();

  /** @param prefix below which the values lie, ending in `/`. */
  constructor(store: Store, prefix: string, logger: Logger) {
    this.#store = store;
    this.#prefix = prefix;
    this.#logger = logger;
    this.#soon = debounce(() => void this.flush(), QUIET_MS, CEILING_MS);
  }

  /** What is remembered. What cannot be read is left out, and said. @throws {StoreError} */
  async load(): Promise<ReadonlyMap<string, T>> {
    const { entries } = await this.#store.list(this.#prefix);
    const values = new Map<string, T>();
    for (const { key, value } of entries) {
      try {
        values.set(key.slice(this.#prefix.length), JSON.parse(Buffer.from(value).toString()) as T);
      } catch (error) {
        this.#logger.warn('something remembered cannot be read and is left out', { key, why: messageOf(error) });
      }
    }
    return values;
  }

  /** Remembers a value, or forgets it when undefined. */
  set(key: string, value: T | undefined): void {
    this.#pending.set(key, value);
    this.#soon.call();
  }

  /** Writes what is not written yet. Never rejects: what cannot be written is tried again with the next change. */
  flush(): Promise<void> {
    this.#soon.cancel();
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const [index, [key, value]] of pending.entries()) {
      try {
        if (value === undefined) await this.#store.delete(this.#prefix + key);
        else await this.#store.put(this.#prefix + key, Buffer.from(JSON.stringify(value)));
      } catch (error) {
        for (const [later, kept] of pending.slice(index)) if (!this.#pending.has(later)) this.#pending.set(later, kept);
        this.#logger.error('cannot remember what changed; a restart would begin with something older', {
          why: messageOf(error),
        });
        return;
      }
    }
  }
}
