import type { Kind } from '../config/kind.ts';
import { configKey, parseConfigKey, readableStored, type StoredObject } from '../config/stored.ts';
import { isRecord } from '../model/util/fields.ts';
import type { Entry } from '../store/store.ts';
import { fieldsV1 } from './ownership.ts';
import { ApiError } from './status.ts';

/** An object as the API shows it. */
export type ApiObject = Readonly<Record<string, unknown>> & {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
};

/** Writes a stored object as the API shows it, in the version that was asked for. @throws {ApiError} when it is damaged. */
export function represent(entry: Entry, apiVersion: string): ApiObject {
  return representStored(storedOf(entry), apiVersion, String(entry.revision));
}

/** Writes what can be read of the entries, and names the others. */
export function representAll(
  entries: readonly Entry[],
  apiVersion: string,
): { readonly objects: readonly ApiObject[]; readonly damaged: readonly string[] } {
  const objects: ApiObject[] = [];
  const damaged: string[] = [];
  for (const entry of entries) {
    const stored = soundStored(entry);
    if (stored) objects.push(representStored(stored, apiVersion, String(entry.revision)));
    else damaged.push(damageOf(entry));
  }
  return { objects, damaged };
}

/** A stored object. @throws {ApiError} when it is damaged. */
export function storedOf(entry: Entry): StoredObject {
  const stored = soundStored(entry);
  if (!stored) throw new ApiError(500, damageOf(entry));
  return stored;
}

function soundStored(entry: Entry): StoredObject | undefined {
  const stored = readableStored(entry);
  const { metadata, spec, owners } = stored ?? {};
  const isSound = isRecord(metadata) && [spec, metadata.labels, metadata.annotations].every(isRecord);
  return isSound && Array.isArray(owners) ? (stored as StoredObject) : undefined;
}

function damageOf({ key }: Entry): string {
  const { plural = '', namespace = '', name = '' } = parseConfigKey(key) ?? {};
  return `${plural} "${name}" in the namespace "${namespace}" cannot be read, as the store is damaged: delete it, and apply it anew`;
}

/** @param resourceVersion empty when the object is not stored, as in a dry run. */
export function representStored(stored: StoredObject, apiVersion: string, resourceVersion: string): ApiObject {
  const { metadata, owners, spec } = stored;
  const { labels, annotations, ...others } = metadata;
  const managedFields = owners.map(({ manager, operation, time, paths }) => ({
    manager,
    operation,
    apiVersion,
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: fieldsV1(paths),
  }));
  return {
    apiVersion,
    kind: stored.kind,
    metadata: {
      ...others,
      labels,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(resourceVersion === '' ? {} : { resourceVersion }),
      ...(managedFields.length === 0 ? {} : { managedFields }),
    },
    spec,
  };
}

/** What a watch tells of an object that is gone: its name, and the revision of its deletion. */
export function representGone(kind: Kind, key: string, apiVersion: string, revision: number): ApiObject {
  const [namespace = '', name = ''] = key.slice(configKey(kind).length).split('/');
  return {
    apiVersion,
    kind: kind.kind,
    metadata: { name, namespace, labels: {}, resourceVersion: String(revision) } as ApiObject['metadata'],
    spec: {},
  };
}
