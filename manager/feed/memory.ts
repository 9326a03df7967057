import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Debounced, debounce } from '../model/util/debounce.ts';
import { codeOf, messageOf } from '../model/util/errors.ts';
import type { Logger } from '../model/util/log.ts';
import type { Store } from '../store/store.ts';

/** Writes are gathered for so long at the least and at the most, milliseconds: what flaps is written once. */
export interface Gathering {
  readonly quietMs: number;
  readonly ceilingMs: number;
  /** What could not be written is tried again after so long, milliseconds; 10 s when absent. */
  readonly againMs?: number;
}

/** A full disk is not written to without pause, and is some time forgotten by whoever freed it. */
const AGAIN_MS = 10_000;

interface Failure {
  readonly key: string;
  readonly why: string;
}

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
  readonly #againMs: number;
  #again: NodeJS.Timeout | undefined;
  /** Why the last write failed, as it was logged. */
  #told: string | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param prefix below which the values lie, ending in `/`. */
  constructor(store: Store, prefix: string, logger: Logger, { quietMs, ceilingMs, againMs = AGAIN_MS }: Gathering) {
    this.#againMs = againMs;
    this.#store = store;
    this.#prefix = prefix;
    this.#logger = logger;
    this.#soon = debounce(() => void this.flush(), quietMs, ceilingMs);
  }

  /** What is remembered. What cannot be read is left out, and said. @throws {StoreError} */
  async load(): Promise<ReadonlyMap<string, T>> {
    const { entries } = await this.#store.list(this.#prefix);
    const values = new Map<string, T>();
    for (const { key, value } of entries) {
      try {
        values.set(key.slice(this.#prefix.length), decode(value) as T);
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

  /** Writes what is not written yet. Never rejects: what cannot be written is tried again with the next change, and soon. */
  flush(): Promise<void> {
    this.#soon.cancel();
    clearTimeout(this.#again);
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const pending = [...this.#pending];
    this.#pending.clear();
    // Asked for in one turn, so that the store can wait for the disk once for all of them.
    const results = await Promise.all(pending.map(([key, value]) => this.#writeOne(key, value)));
    this.#tell(results.filter(failure => failure !== undefined));
    // A Manager that ends does not wait for it.
    if (this.#pending.size > 0) this.#again = setTimeout(() => void this.flush(), this.#againMs).unref();
  }

  /** Once for all, until the reason is another: a full disk fails every key, again and again. */
  #tell(failures: readonly Failure[]): void {
    const [first] = failures;
    if (first && first.why !== this.#told)
      this.#logger.error('cannot remember what changed; a restart would begin with something older', {
        key: this.#prefix + first.key,
        others: failures.length - 1,
        why: first.why,
      });
    this.#told = first?.why;
  }

  async #writeOne(key: string, value: T | undefined): Promise<Failure | undefined> {
    try {
      if (value === undefined) await this.#store.delete(this.#prefix + key);
      else await this.#store.put(this.#prefix + key, encode(value));
      return undefined;
    } catch (error) {
      // What can never be written must not be tried for ever; the rest is, unless it has changed meanwhile.
      if (codeOf(error) !== 'TOO_LARGE' && !this.#pending.has(key)) this.#pending.set(key, value);
      return { key, why: messageOf(error) };
    }
  }
}

/** Values of more bytes are stored compressed: a service with 10,000 instances would not fit otherwise. */
const COMPRESS_BYTES = 64 * 1024;

function encode(value: unknown): Uint8Array {
  const plain = Buffer.from(JSON.stringify(value));
  return plain.length > COMPRESS_BYTES ? zstdCompressSync(plain) : plain;
}

/** Zstandard's magic number (RFC 8878, 3.1.1) cannot begin JSON. */
function decode(bytes: Uint8Array): unknown {
  const stored = Buffer.from(bytes);
  const compressed = stored.length >= 4 && stored.readUInt32LE(0) === 0xfd2fb528;
  return JSON.parse((compressed ? zstdDecompressSync(stored) : stored).toString());
}
