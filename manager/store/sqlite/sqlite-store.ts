import type { DatabaseSync } from 'node:sqlite';
import { ConflictError, type Entry, MAXIMUM_VALUE_BYTES, type Store, type StoreChange, StoreError } from '../store.ts';
import { CommitSignal } from './commit-signal.ts';
import { openDatabase, storeError } from './open.ts';
import { type Outcome, Rows } from './rows.ts';

export interface SqliteStoreOptions {
  /** Writes that watches can look back on; 10,000 unless said, and fewer where these are large. */
  readonly historySize?: number;
  /** The file grows no larger than this, bytes; 4 GiB unless said. */
  readonly maximumBytes?: number;
}

interface Pending {
  readonly apply: () => Outcome;
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: Error) => void;
}

/** History takes no more bytes than this, nor than a quarter of the file. */
const HISTORY_BYTES = 256 * 1024 ** 2;

/** How many changes a watch reads at a time. */
const WATCH_BATCH = 256;

/**
 * A store in one SQLite file. Writes that are asked for in the same turn of the event loop share one transaction, so that
 * thousands of them wait for the disk once. Watches read from the history table: they hold no queue, however slow the reader.
 */
export class SqliteStore implements Store {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #rows: Rows;
  readonly #historySize: number;
  readonly #historyBytes: number;
  readonly #commits = new CommitSignal();
  #pending: Pending[] = [];
  #closed = false;

  /** @throws {StoreError} */
  constructor(file: string, options: SqliteStoreOptions = {}) {
    this.#file = file;
    this.#historySize = options.historySize ?? 10_000;
    const maximumBytes = options.maximumBytes ?? 4 * 1024 ** 3;
    this.#historyBytes = Math.min(HISTORY_BYTES, maximumBytes / 4);
    this.#database = openDatabase(file, maximumBytes);
    this.#rows = new Rows(this.#database);
  }

  async get(key: string): Promise<Entry | undefined> {
    return this.#guard(() => this.#rows.get(key));
  }

  async list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly revision: number }> {
    return this.#guard(() => ({ entries: this.#rows.list(prefix), revision: this.#rows.head().revision }));
  }

  async put(key: string, value: Uint8Array, expected?: number): Promise<Entry> {
    if (value.byteLength > MAXIMUM_VALUE_BYTES)
      throw new StoreError(
        'TOO_LARGE',
        `${key} has ${value.byteLength} bytes; at most ${MAXIMUM_VALUE_BYTES} can be stored`,
      );
    // A copy: the write happens later in this turn, and the caller may reuse its buffer.
    const bytes = Uint8Array.from(value);
    return (await this.#write(() => this.#rows.put(key, bytes, expected))) as Entry;
  }

  async delete(key: string, expected?: number): Promise<boolean> {
    return (await this.#write(() => this.#rows.delete(key, expected))) as boolean;
  }

  async *watch(prefix: string, after: number, signal: AbortSignal): AsyncGenerator<StoreChange, void, void> {
    let position = after;
    while (!signal.aborted) {
      const seen = this.#commits.count;
      const batch = this.#guard(() => this.#rows.changes(prefix, position, WATCH_BATCH));
      for (const change of batch.changes) {
        yield change;
        if (signal.aborted) return;
      }
      position = batch.position;
      if (!batch.more) await this.#commits.next(seen, signal);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#database.close();
    this.#commits.fire();
  }

  #guard<T>(read: () => T): T {
    if (this.#closed) throw new StoreError('CLOSED', `The store ${this.#file} is closed`);
    try {
      return read();
    } catch (error) {
      throw error instanceof Error && 'errcode' in error ? storeError(error, this.#file) : error;
    }
  }

  #write(apply: () => Outcome): Promise<Outcome> {
    if (this.#closed) return Promise.reject(new StoreError('CLOSED', `The store ${this.#file} is closed`));
    return new Promise((settle, fail) => {
      if (this.#pending.length === 0) setImmediate(() => this.#flush());
      this.#pending.push({ apply, settle, fail });
    });
  }

  #flush(): void {
    const batch = this.#pending;
    this.#pending = [];
    if (batch.length === 0) return;
    let outcomes: readonly (() => void)[];
    try {
      outcomes = this.#transaction(batch);
    } catch (error) {
      const failure = storeError(error, this.#file);
      for (const { fail } of batch) fail(failure);
      return;
    }
    for (const tell of outcomes) tell();
    this.#commits.fire();
  }

  /** All of the batch is written or none of it; a conflict writes nothing of its own and leaves its fellows alone. */
  #transaction(batch: readonly Pending[]): (() => void)[] {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const outcomes = batch.map(({ apply, settle, fail }) => {
        try {
          const outcome = apply();
          return () => settle(outcome);
        } catch (error) {
          if (error instanceof ConflictError) return () => fail(error);
          throw error;
        }
      });
      this.#rows.compact(this.#historySize, this.#historyBytes);
      this.#database.exec('COMMIT');
      return outcomes;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, such as a full disk.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#rows.rolledBack();
      throw error;
    }
  }
}
