import type { ConfigObject } from '../model/config/object.ts';
import { isRecord } from '../model/util/fields.ts';
import type { Entry } from '../store/store.ts';
import { apiVersionOf, type Kind } from './kind.ts';
import { configObjectOf, readManifest } from './manifest.ts';

/** Below it lie all config objects: `config/<group>/<plural>/<namespace>/<name>`. */
export const CONFIG_PREFIX = 'config/';

/** The key of an object, or the prefix of a namespace's or of all objects of the kind. */
export function configKey(kind: Pick<Kind, 'group' | 'plural'>, namespace?: string, name?: string): string {
  const parts = [kind.group, kind.plural, ...(namespace === undefined ? [] : [namespace])];
  return `${CONFIG_PREFIX}${parts.join('/')}/${name ?? ''}`;
}

/** What a key names; undefined when it is no key of a config object. */
export function parseConfigKey(
  key: string,
): { readonly group: string; readonly plural: string; readonly namespace: string; readonly name: string } | undefined {
  const [group, plural, namespace, name, ...more] = key.slice(CONFIG_PREFIX.length).split('/');
  if (!key.startsWith(CONFIG_PREFIX) || !group || !plural || !namespace || !name || more.length > 0) return undefined;
  return { group, plural, namespace, name };
}

/** Which fields a writer decides, as `metadata.managedFields` shows it. */
export interface Ownership {
  readonly manager: string;
  /** `Apply`: it declares these fields, and those that it declares no more are removed; `Update`: it wrote them once. */
  readonly operation: 'Apply' | 'Update';
  /** RFC 3339. */
  readonly time: string;
  /** JSON pointers (RFC 6901) below `metadata/labels`, `metadata/annotations` and `spec`; a list is one field. Sorted. */
  readonly paths: readonly string[];
}

/** An object as it is stored: as it was written, plus what the server adds. The revision is the store's. */
export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    /** Grows when the spec changes. */
    readonly generation: number;
    /** RFC 3339. */
    readonly creationTimestamp: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly owners: readonly Ownership[];
}

/** An object as the store keeps it. */
export function encodeStored(object: StoredObject): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(object));
}

/** Reads what `encodeStored` made. @throws {SyntaxError} when it is no JSON. */
export function decodeStored(value: Uint8Array): StoredObject {
  return JSON.parse(new TextDecoder().decode(value)) as StoredObject;
}

/** What can be read of an entry that may be damaged; undefined when it is no object at all. */
export function readableStored({ value }: Entry): Partial<StoredObject> | undefined {
  try {
    const stored: unknown = decodeStored(value);
    return isRecord(stored) ? stored : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The typed object of an entry below `CONFIG_PREFIX`.
 * @throws {ConfigError} when this version does not take it, though another did.
 */
export function configObjectOfEntry(entry: Entry): ConfigObject {
  const { apiVersion, kind, metadata, spec } = decodeStored(entry.value);
  const manifest = readManifest({
    apiVersion,
    kind,
    metadata: { name: metadata.name, namespace: metadata.namespace },
    spec,
  });
  return {
    ...configObjectOf(manifest),
    apiVersion: apiVersionOf(manifest.kind),
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      labels: metadata.labels,
      annotations: metadata.annotations,
      resourceVersion: String(entry.revision),
      creationTimestamp: metadata.creationTimestamp,
    },
  };
}
