/** A value under a key, with the revision at which it was last written. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Grows with every write to the store; never reused. */
  readonly revision: number;
  /** Revision at which the key was created. */
  readonly createdRevision: number;
}

/** A write that happened. */
export type StoreChange =
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number };

/** A put or delete found another revision than it expected. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly code = 'CONFLICT';
}

/** History from that revision is no longer held: list again, then watch from the list's revision. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly code = 'COMPACTED';
}

/** What the Manager remembers. Keys are `/`-separated paths; a prefix ends in `/`. */
export interface Store {
  get(key: string): Promise<Entry | undefined>;
  /** All entries below a prefix in the order of their keys, and the revision that the list is true at. */
  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly revision: number }>;
  /**
   * Writes and returns the new entry.
   * @param expected revision that the key must have; 0: must not exist; absent: whatever.
   * @throws {ConflictError}
   */
  put(key: string, value: Uint8Array, expected?: number): Promise<Entry>;
  /** Deletes; resolves to whether it was there. @throws {ConflictError} */
  delete(key: string, expected?: number): Promise<boolean>;
  /**
   * Every write below the prefix after the given revision, in order, then those to come. Ends without an error when the signal aborts.
   * @throws {CompactedError}
   */
  watch(prefix: string, after: number, signal: AbortSignal): AsyncIterable<StoreChange>;
  close(): Promise<void>;
}
