import { sqliteKind } from './sqlite/kind.ts';
import type { StoreKind } from './store.ts';

/** Every engine that the Manager can keep its memory in, by kind. */
export const storeKinds: ReadonlyMap<string, StoreKind> = new Map([sqliteKind].map(kind => [kind.kind, kind]));
