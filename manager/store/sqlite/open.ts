import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { codeOf, messageOf } from '../../model/util/errors.ts';
import { StoreError } from '../store.ts';

/** "isth", in the header of the file. */
const APPLICATION_ID = 0x69_73_74_68;
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE entries (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL, created INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- One row for each write, for watches; a deletion has no value.
  CREATE TABLE history (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB, created INTEGER NOT NULL) STRICT;
  -- One row: the last write, and the last write that history no longer holds.
  CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL, compacted INTEGER NOT NULL) STRICT;
  INSERT INTO head VALUES (1, 0, 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * Opens or makes the file, for its owner alone.
 * FULL rather than NORMAL: a lost write could give one virtual IP to two services, or let a used join token be used again.
 * EXCLUSIVE: watches hear of writes within the process, so a second process must not write.
 * @throws {StoreError}
 */
export function openDatabase(file: string, maximumBytes: number): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
    database = new DatabaseSync(file, { timeout: 1_000 });
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    prepareSchema(database, file);
    const { page_size: pageSize } = database.prepare('PRAGMA page_size').get() as { page_size: number };
    database.exec(`PRAGMA max_page_count = ${Math.ceil(maximumBytes / pageSize)}`);
    return database;
  } catch (error) {
    database?.close();
    throw storeError(error, file);
  }
}

function prepareSchema(database: DatabaseSync, file: string): void {
  database.exec('BEGIN IMMEDIATE');
  const pragma = (name: string): unknown => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  const version = pragma('user_version') as number;
  const application = pragma('application_id');
  if (version > SCHEMA_VERSION && application === APPLICATION_ID)
    throw new StoreError(
      'TOO_NEW',
      `Cannot open the store ${file}: it was written by a later Isthmus (schema ${version}, this one knows ${SCHEMA_VERSION}); run that version or a later one`,
    );
  if (version === 0 && pragma('schema_version') === 0) database.exec(SCHEMA);
  else if (application !== APPLICATION_ID)
    throw new StoreError(
      'CORRUPT',
      `Cannot open the store ${file}: it is a database of another program; name another file`,
    );
  const check = pragma('quick_check(1)');
  if (check !== 'ok') throw new StoreError('CORRUPT', corrupt(file, String(check)));
  database.exec('COMMIT');
}

function corrupt(file: string, why: string): string {
  return `Cannot read the store ${file}: ${why}; put a backup in its place, or move it away to begin empty`;
}

/** Tells what SQLite's result codes (https://sqlite.org/rescode.html) mean for the store. */
export function storeError(error: unknown, file: string): StoreError {
  if (error instanceof StoreError) return error;
  const cause = { cause: error };
  switch (Number((error as { errcode?: number }).errcode ?? 0) & 0xff) {
    case 5:
    case 6:
      return new StoreError(
        'BUSY',
        `Cannot open the store ${file}: another process holds it; is a Manager running?`,
        cause,
      );
    case 11:
    case 26:
      return new StoreError('CORRUPT', corrupt(file, messageOf(error)));
    case 13:
      return new StoreError(
        'FULL',
        `Cannot write to the store ${file}: no room; free space on that disk, what was stored is as before`,
        cause,
      );
    default:
      if (codeOf(error) === 'ENOSPC')
        return new StoreError('FULL', `Cannot make the store ${file}: the disk is full`, cause);
      return new StoreError('FAILED', `Cannot use the store ${file}`, cause);
  }
}
