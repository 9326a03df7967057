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

/**
 * The engine could not do it, and what was stored is as before: `CORRUPT` its data cannot be read, `TOO_NEW` a later version
 * wrote it, `FULL` no room, `BUSY` another process holds it, `CLOSED`, `TOO_LARGE` the value, `FAILED` anything else.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: 'CORRUPT' | 'TOO_NEW' | 'FULL' | 'BUSY' | 'CLOSED' | 'TOO_LARGE' | 'FAILED';

  constructor(code: StoreError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Bytes that a value may have. */
export const MAXIMUM_VALUE_BYTES: number = 1024 * 1024;

/** What the Manager remembers. A write that resolved outlives a power cut. Keys are `/`-separated paths; a prefix ends in `/`. */
export interface Store {
  /** @throws {StoreError} as all below do, when the engine cannot. */
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
   * @throws {CompactedError} when it is asked for history that is gone, or falls behind so far, or when the store never was at that revision.
   */
  watch(prefix: string, after: number, signal: AbortSignal): AsyncIterable<StoreChange>;
  close(): Promise<void>;
}

/** A kind of store: how its settings are read, and how it is opened. */
export interface StoreKind {
  readonly kind: string;
  /** One line for people. */
  readonly summary: string;
  /**
   * @param path where the settings stand, such as `store`, for messages.
   * @param stateDir directory of the Manager's own, for engines that keep files.
   * @throws {ConfigError} for wrong settings. @throws {StoreError}
   */
  open(settings: Readonly<Record<string, unknown>>, path: string, stateDir: string): Promise<Store>;
}
