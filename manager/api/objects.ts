import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Manifest, readManifest } from '../config/manifest.ts';
import { configKey, encodeStored, type Ownership, readableStored, type StoredObject } from '../config/stored.ts';
import type { Clock } from '../model/util/clock.ts';
import { ConflictError, type Entry, type Store } from '../store/store.ts';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { declaredBy, manifestFor, revisionOf } from './object-body.ts';
import { alreadyExists, conflict, nameOf, notFound, type ObjectRef, ownershipConflict } from './object-ref.ts';
import { applyOwned, type Owned, ownersAfterUpdate } from './ownership.ts';
import { type ApiObject, represent, representStored, storedOf } from './representation.ts';
import { ApiError } from './status.ts';

/** Who writes, and how. */
export interface WriteOptions {
  /** The name that owns the fields. */
  readonly manager: string;
  /** Takes fields that others own. Only for apply. */
  readonly force: boolean;
  /** Checks everything and writes nothing. */
  readonly dryRun: boolean;
}

/** What was written. */
export interface Written {
  readonly object: ApiObject;
  readonly isNew: boolean;
}

/** Times that a write without an expectation is tried anew when others write the same object at once. */
const TRIES = 10;

interface Change {
  readonly owned: Owned;
  readonly owners: readonly Ownership[];
}

/** The config objects in the store, with the meaning that Kubernetes' API gives to writes. Every method may throw `ApiError`, `ConfigError` or `StoreError`. */
export class ConfigObjects {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async get(ref: ObjectRef): Promise<ApiObject> {
    return represent(await this.#entry(ref), ref.apiVersion);
  }

  async create(ref: Omit<ObjectRef, 'name'>, body: unknown, options: WriteOptions): Promise<Written> {
    const manifest = manifestFor({ ...ref, name: undefined }, body);
    if (manifest.resourceVersion !== undefined)
      throw new ApiError(400, 'metadata.resourceVersion must not be set on an object that is to be created');
    const full = { ...ref, name: manifest.name };
    return this.#write(full, options, '0', () => this.#updated(undefined, manifest, options));
  }

  /** Replaces an object that is there; only at the revision that the body names, when it names one. */
  async replace(ref: ObjectRef, body: unknown, options: WriteOptions): Promise<Written> {
    const manifest = manifestFor(ref, body);
    return this.#write(ref, options, manifest.resourceVersion, entry => {
      if (!entry) throw notFound(ref);
      return this.#updated(storedOf(entry), manifest, options);
    });
  }

  /** JSON merge patch of an object that is there; only at the revision that it names, when it names one. */
  async merge(ref: ObjectRef, patch: unknown, options: WriteOptions): Promise<Written> {
    return this.#patch(ref, options, object => mergePatch(object, patch));
  }

  /** JSON patch of an object that is there; only at the revision that it sets, when it sets one. */
  async patch(ref: ObjectRef, patch: unknown, options: WriteOptions): Promise<Written> {
    return this.#patch(ref, options, object => jsonPatch(object, patch));
  }

  /** Server-side apply: makes the object, or sets what is declared and removes what the same writer declared before. */
  async apply(ref: ObjectRef, body: unknown, options: WriteOptions): Promise<Written> {
    const { owned: declared, resourceVersion } = declaredBy(body);
    return this.#write(ref, options, resourceVersion, entry => {
      const stored = entry && storedOf(entry);
      const writer = { manager: options.manager, time: this.#now(), force: options.force };
      const applied = applyOwned(stored && ownedOf(stored), stored?.owners ?? [], declared, writer);
      if (applied.conflicts.length > 0) throw ownershipConflict(ref, applied.conflicts);
      // What is applied may be a part of an object; the whole must be right.
      manifestFor(ref, { ...(body as object), spec: applied.result.spec });
      return { owned: applied.result, owners: applied.owners };
    });
  }

  /** Deletes, also what cannot be read. @param expected revision that it must be at. @returns its uid, if that can be read. */
  async delete(
    ref: ObjectRef,
    options: Pick<WriteOptions, 'dryRun'>,
    expected?: string,
    uid?: string,
  ): Promise<string | undefined> {
    const entry = await this.#entry(ref);
    const own = readableStored(entry)?.metadata?.uid;
    if (uid !== undefined && uid !== own)
      throw new ApiError(409, `${nameOf(ref)} has the uid ${own ?? 'that cannot be read'}, not ${uid}`);
    const revision = expected === undefined ? undefined : revisionOf(expected);
    if (revision !== undefined && revision !== entry.revision) throw conflict(ref);
    if (!options.dryRun && !(await this.#store.delete(entry.key, revision))) throw notFound(ref);
    return own;
  }

  async #entry(ref: ObjectRef): Promise<Entry> {
    const entry = await this.#store.get(configKey(ref.kind, ref.namespace, ref.name));
    if (!entry) throw notFound(ref);
    return entry;
  }

  #patch(ref: ObjectRef, options: WriteOptions, change: (object: ApiObject) => unknown): Promise<Written> {
    return this.#write(ref, options, undefined, entry => {
      if (!entry) throw notFound(ref);
      const manifest = manifestFor(ref, change(represent(entry, ref.apiVersion)));
      const { resourceVersion } = manifest;
      if (resourceVersion !== undefined && revisionOf(resourceVersion) !== entry.revision) throw conflict(ref);
      return this.#updated(storedOf(entry), manifest, options);
    });
  }

  #updated(stored: StoredObject | undefined, manifest: Manifest, options: WriteOptions): Change {
    const before = stored && ownedOf(stored);
    const owned = ownedOf(manifest);
    const writer = { manager: options.manager, time: this.#now() };
    return { owned, owners: ownersAfterUpdate(before, owned, stored?.owners ?? [], writer) };
  }

  /** Reads, changes and writes at the revision that was read; when another write came between, again, unless the caller named a revision. */
  async #write(
    ref: ObjectRef,
    options: WriteOptions,
    expected: string | undefined,
    change: (entry: Entry | undefined) => Change,
  ): Promise<Written> {
    const revision = expected === undefined ? undefined : revisionOf(expected);
    const key = configKey(ref.kind, ref.namespace, ref.name);
    for (let attempt = 1; ; attempt += 1) {
      const entry = await this.#store.get(key);
      if (revision === 0 && entry) throw alreadyExists(ref);
      if (revision !== undefined && revision !== (entry?.revision ?? 0)) throw entry ? conflict(ref) : notFound(ref);
      const before = entry && storedOf(entry);
      const after = this.#stored(ref, before, change(entry));
      // The merged object may be wrong where its parts were right.
      readManifest({ ...representStored(after, ref.apiVersion, '') });
      if (entry && isDeepStrictEqual(before, after)) return { object: represent(entry, ref.apiVersion), isNew: false };
      if (options.dryRun) return { object: representStored(after, ref.apiVersion, ''), isNew: !entry };
      try {
        const written = await this.#store.put(key, encodeStored(after), entry?.revision ?? 0);
        return { object: represent(written, ref.apiVersion), isNew: !entry };
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        if (revision !== undefined || attempt === TRIES) throw revision === 0 ? alreadyExists(ref) : conflict(ref);
      }
    }
  }

  #stored(ref: ObjectRef, before: StoredObject | undefined, { owned, owners }: Change): StoredObject {
    const hasNewSpec = before !== undefined && !isDeepStrictEqual(before.spec, owned.spec);
    return {
      apiVersion: ref.apiVersion,
      kind: ref.kind.kind,
      metadata: {
        name: ref.name,
        namespace: ref.namespace,
        uid: before?.metadata.uid ?? randomUUID(),
        generation: (before?.metadata.generation ?? 1) + (hasNewSpec ? 1 : 0),
        creationTimestamp: before?.metadata.creationTimestamp ?? this.#now(),
        labels: owned.metadata.labels,
        annotations: owned.metadata.annotations,
      },
      spec: owned.spec,
      owners,
    };
  }

  /** RFC 3339 without fractions, as Kubernetes writes times. */
  #now(): string {
    return new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

function ownedOf(object: StoredObject | Manifest): Owned {
  const { labels, annotations } = 'metadata' in object ? object.metadata : object;
  return { metadata: { labels, annotations }, spec: object.spec };
}
