import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { SqliteStore } from './sqlite/sqlite-store.ts';

/** A store in a folder of its own; both are gone when the test ends. @param name of what it is for: lower-case letters and hyphens. */
export function temporaryStore(
  t: ExecutionContext,
  name: string,
): { readonly store: SqliteStore; readonly directory: string } {
  const directory = makeFolder(name);
  const store = new SqliteStore(join(directory, 'store.db'));
  t.teardown(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  return { store, directory };
}
