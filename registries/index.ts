import { fileKind } from './file/file.ts';
import type { RegistryKind } from './registry.ts';

/** Every kind of registry, by the `kind:` of its settings. */
export const kinds: ReadonlyMap<string, RegistryKind> = new Map([fileKind].map(kind => [kind.kind, kind]));
