import type { RegistryKind } from './registry.ts';

/** Every kind of registry, by the `kind:` of its settings. */
export const kinds: ReadonlyMap<string, RegistryKind> = new Map(([] as RegistryKind[]).map(kind => [kind.kind, kind]));
