import type { Kind } from '../config/kind.ts';
import { configKey, decodeStored, type StoredObject } from '../config/stored.ts';
import type { Entry } from '../store/store.ts';
import { fieldsV1 } from './ownership.ts';

/** An object as the API shows it. */
export type ApiObject = Readonly<Record<string, unknown>> & {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
};

/** Writes a stored object as the API shows it, in the version that was asked for. */
export function represent(entry: Entry, apiVersion: string): ApiObject {
  const stored = decodeStored(entry.value);
  return representStored(stored, apiVersion, String(entry.revision));
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
