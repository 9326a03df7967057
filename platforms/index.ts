import { linuxKind } from './linux/linux.ts';
import type { PlatformKind } from './platform.ts';

/** Every kind of platform, by the `kind:` of its settings. */
export const kinds: ReadonlyMap<string, PlatformKind> = new Map([linuxKind].map(kind => [kind.kind, kind]));
