import { consulKind } from './consul/consul.ts';
import { fileKind } from './file/file.ts';
import type { RegistryKind } from './registry.ts';
import { zookeeperKind } from './zookeeper/zookeeper.ts';

/** Every kind of registry, by the `kind:` of its settings. */
export const kinds: ReadonlyMap<string, RegistryKind> = new Map(
  [fileKind, consulKind, zookeeperKind].map(kind => [kind.kind, kind]),
);
