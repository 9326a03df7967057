import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { CompactedError, ConflictError, type Entry, type StoreChange } from '../store.ts';

/** What a write results in: a put its entry, a delete whether there was one. */
export type Outcome = Entry | boolean;

interface Row {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly revision: number;
  readonly created: number;
}

/** Changes after a position, and the position that a reader has then reached. */
export interface ChangeBatch {
  readonly changes: readonly StoreChange[];
  readonly position: number;
  /** Whether there may be more after that position already. */
  readonly more: boolean;
}

/** The statements on the tables. Writes belong inside a transaction. */
export class Rows {
  readonly #get: StatementSync;
  readonly #list: StatementSync;
  readonly #head: StatementSync;
  readonly #advance: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #record: StatementSync;
  readonly #changes: StatementSync;
  readonly #compact: StatementSync;
  readonly #compacted: StatementSync;
  readonly #sizes: StatementSync;
  /** Bytes of the values in history, at least; undefined when that must be counted. */
  #bytes: number | undefined;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare('SELECT key, value, revision, created FROM entries WHERE key = ?');
    this.#list = database.prepare(
      'SELECT key, value, revision, created FROM entries WHERE key >= ? AND key < ? ORDER BY key',
    );
    this.#head = database.prepare('SELECT revision, compacted FROM head');
    this.#advance = database.prepare('UPDATE head SET revision = revision + 1 RETURNING revision');
    this.#put = database.prepare(
      `INSERT INTO entries (key, value, revision, created) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision`,
    );
    this.#delete = database.prepare('DELETE FROM entries WHERE key = ?');
    this.#record = database.prepare('INSERT INTO history (revision, key, value, created) VALUES (?, ?, ?, ?)');
    this.#changes = database.prepare(
      `SELECT revision, key, value, created FROM history
       WHERE revision > ? AND key >= ? AND key < ? ORDER BY revision LIMIT ?`,
    );
    this.#compact = database.prepare('DELETE FROM history WHERE revision <= ?');
    this.#compacted = database.prepare('UPDATE head SET compacted = ?');
    this.#sizes = database.prepare(
      'SELECT revision, coalesce(length(value), 0) AS bytes FROM history ORDER BY revision DESC',
    );
  }

  get(key: string): Entry | undefined {
    const row = this.#get.get(key) as Row | undefined;
    return row && entryOf(row);
  }

  list(prefix: string): Entry[] {
    return (this.#list.all(...range(prefix)) as unknown as Row[]).map(entryOf);
  }

  /** The last write, and the last write that history no longer holds. */
  head(): { readonly revision: number; readonly compacted: number } {
    return this.#head.get() as { revision: number; compacted: number };
  }

  /** @throws {ConflictError} */
  put(key: string, value: Uint8Array, expected: number | undefined): Entry {
    const present = this.get(key);
    refuseUnless(key, present, expected);
    const revision = this.#next();
    const createdRevision = present?.createdRevision ?? revision;
    this.#put.run(key, value, revision, createdRevision);
    this.#record.run(revision, key, value, createdRevision);
    if (this.#bytes !== undefined) this.#bytes += value.byteLength;
    return { key, value, revision, createdRevision };
  }

  /** @throws {ConflictError} */
  delete(key: string, expected: number | undefined): boolean {
    const present = this.get(key);
    refuseUnless(key, present, expected);
    if (!present) return false;
    this.#delete.run(key);
    this.#record.run(this.#next(), key, null, present.createdRevision);
    return true;
  }

  /** @throws {CompactedError} */
  changes(prefix: string, after: number, limit: number): ChangeBatch {
    const { revision, compacted } = this.head();
    if (after < compacted)
      throw new CompactedError(`History after revision ${after} is gone: it begins after ${compacted}; list again`);
    if (after > revision)
      throw new CompactedError(`The store is at revision ${revision} and never was at ${after}; list again`);
    const rows = this.#changes.all(after, ...range(prefix), limit) as unknown as Row[];
    const more = rows.length === limit;
    return { changes: rows.map(changeOf), position: more ? rows[limit - 1]!.revision : revision, more };
  }

  /**
   * Forgets history beyond so many writes, a quarter more at most: deleting row by row would cost each write. Of more than so many bytes
   * it forgets half: large values that change on and on would fill the file.
   */
  compact(keep: number, maximumBytes: number): void {
    const { revision, compacted } = this.head();
    this.#bytes ??= this.#count(Number.POSITIVE_INFINITY).bytes;
    const isMany = revision - compacted > keep + Math.floor(keep / 4);
    const from = this.#bytes > maximumBytes ? this.#count(maximumBytes / 2).revision : compacted;
    const last = Math.max(from, isMany ? revision - keep : compacted);
    if (last === compacted) return;
    this.#compact.run(last);
    this.#compacted.run(last);
    this.#bytes = undefined;
  }

  /** What was written since the last commit has not been written. */
  rolledBack(): void {
    this.#bytes = undefined;
  }

  /** How many bytes the newest writes have that are no more than so many together, and the write before them. */
  #count(maximumBytes: number): { readonly bytes: number; readonly revision: number } {
    let bytes = 0;
    for (const row of this.#sizes.iterate() as Iterable<{ readonly revision: number; readonly bytes: number }>) {
      if (bytes + row.bytes > maximumBytes) return { bytes, revision: row.revision };
      bytes += row.bytes;
    }
    return { bytes, revision: 0 };
  }

  #next(): number {
    return (this.#advance.get() as { revision: number }).revision;
  }
}

function refuseUnless(key: string, present: Entry | undefined, expected: number | undefined): void {
  const revision = present?.revision ?? 0;
  if (expected === undefined || expected === revision) return;
  if (expected === 0) throw new ConflictError(`${key} exists already, at revision ${revision}`);
  throw new ConflictError(
    present
      ? `${key} is at revision ${revision}, not ${expected}`
      : `${key} does not exist, so not at revision ${expected}`,
  );
}

/** From the prefix to before the first key that does not have it; keys compare by their UTF-8 bytes. */
function range(prefix: string): [string, string] {
  return [prefix, `${prefix}\u{10ffff}`];
}

function entryOf(row: Row): Entry {
  return { key: row.key, value: row.value ?? new Uint8Array(), revision: row.revision, createdRevision: row.created };
}

function changeOf(row: Row): StoreChange {
  if (row.value === null) return { type: 'delete', key: row.key, revision: row.revision };
  return { type: 'put', entry: entryOf(row) };
}
