import { join } from 'node:path';
import { Fields } from '../../model/util/fields.ts';
import type { StoreKind } from '../store.ts';
import { SqliteStore } from './sqlite-store.ts';

/** A file of this host: for one Manager. */
export const sqliteKind: StoreKind = {
  kind: 'sqlite',
  summary: 'a file on this host; for one Manager',
  async open(settings, path, stateDir) {
    const fields = new Fields(settings, path);
    const file = fields.string('file') ?? join(stateDir, 'store.db');
    const historySize = fields.number('historySize', 1, 10_000_000);
    fields.unknown();
    fields.check(`store at "${path}"`);
    return new SqliteStore(file, historySize === undefined ? {} : { historySize });
  },
};
