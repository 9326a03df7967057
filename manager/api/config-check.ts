import { checkReferences, type KnownMesh } from '../config/references.ts';
import { CONFIG_PREFIX, configObjectOfEntry, parseConfigKey } from '../config/stored.ts';
import type { ConfigWarning } from '../config/warning.ts';
import type { ConfigObject } from '../model/config/object.ts';
import { ConfigError, type FieldError, messageOf } from '../model/util/errors.ts';
import type { Workload } from '../model/workload.ts';
import type { Entry, Store } from '../store/store.ts';
import type { Inspect } from './inspect.ts';

/** Names an object for which warnings are wanted. */
export interface CheckedObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** What a check found. */
export interface CheckResult {
  /** Objects that are stored. */
  readonly objects: number;
  readonly warnings: readonly ConfigWarning[];
}

interface Read {
  readonly revision: number;
  readonly object?: ConfigObject;
  readonly unusable: readonly ConfigWarning[];
}

/** Checks the stored objects against each other and against the mesh there is. An object is read once for each of its revisions. */
export class ConfigCheck {
  readonly #store: Store;
  readonly #inspect: Inspect;
  #read: ReadonlyMap<string, Read> = new Map();

  constructor(store: Store, inspect: Inspect) {
    this.#store = store;
    this.#inspect = inspect;
  }

  /** @param only what is to be told of this one object; of all when absent. */
  async run(only?: CheckedObject): Promise<CheckResult> {
    const { entries } = await this.#store.list(CONFIG_PREFIX);
    const known = this.#read;
    const read = new Map(
      entries.map(entry => {
        const before = known.get(entry.key);
        return [entry.key, before?.revision === entry.revision ? before : readEntry(entry)] as const;
      }),
    );
    this.#read = read;
    const objects = [...read.values()].flatMap(({ object }) => object ?? []);
    const isWanted = ({ kind, namespace, name }: CheckedObject): boolean =>
      only === undefined || (kind === only.kind && namespace === only.namespace && name === only.name);
    const unusable = [...read.values()].flatMap(({ unusable: of }) => of).filter(isWanted);
    const references = checkReferences(objects, meshOf(this.#inspect), ({ kind, metadata }) =>
      isWanted({ kind, ...metadata }),
    );
    return { objects: entries.length, warnings: [...unusable, ...references] };
  }
}

/** What is not asked for is not put together: most objects name a service or two, and each is checked when it is written. */
function meshOf(inspect: Inspect): KnownMesh {
  let workloads: readonly Workload[] | undefined;
  return {
    service: name => inspect.service(name),
    services: () => inspect.services(),
    workloads: () => (workloads ??= inspect.reported()),
    trustDomain: inspect.manager().trustDomain,
  };
}

function readEntry(entry: Entry): Read {
  const { revision } = entry;
  try {
    return { revision, object: configObjectOfEntry(entry), unusable: [] };
  } catch (error) {
    const { plural = '', namespace = '', name = '' } = parseConfigKey(entry.key) ?? {};
    return { revision, unusable: wrongs(error).map(wrong => ({ kind: plural, namespace, name, ...wrong })) };
  }
}

/** What is no object at all must not hide what is to be said of the others. */
function wrongs(error: unknown): readonly FieldError[] {
  if (error instanceof ConfigError) return error.errors;
  const message = `cannot be read: ${messageOf(error)}`;
  return [{ path: 'object', message, hint: 'the store is damaged: delete it, and apply it anew' }];
}
