import type { ConfigObject } from '../model/config/object.ts';
import { messageOf } from '../model/util/errors.ts';
import { CompactedError, type Entry, type Store } from '../store/store.ts';
import { closedPolicy } from './closed.ts';
import { CONFIG_PREFIX, configObjectOfEntry, parseConfigKey } from './stored.ts';

/** What happens to config objects. `key` is the store's, `config/<group>/<plural>/<namespace>/<name>`. */
export type ConfigChange =
  | { readonly type: 'object'; readonly key: string; readonly object: ConfigObject }
  | { readonly type: 'gone'; readonly key: string }
  /** It is stored and cannot be used by this version; the one before it is to be used on, and where there was none what stands in its place. */
  | { readonly type: 'unusable'; readonly key: string; readonly why: string; readonly instead?: ConfigObject }
  /** All objects that were there have been sent. */
  | { readonly type: 'synced' };

/**
 * All config objects, then every change to them. When the store's history was outrun, the list is taken again and compared,
 * so that the reader sees each difference. Ends without an error when the signal aborts; throws what the store throws.
 * @param known revisions by key of what the reader has been told of, kept up to date: given again after an error, what went meanwhile
 *   is told as gone.
 */
export async function* followConfig(
  store: Store,
  signal: AbortSignal,
  known: Map<string, number> = new Map(),
): AsyncGenerator<ConfigChange, void, void> {
  while (!signal.aborted) {
    const { entries, revision } = await store.list(CONFIG_PREFIX);
    const there = new Set(entries.map(({ key }) => key));
    for (const key of [...known.keys()].filter(each => !there.has(each))) {
      yield { type: 'gone', key };
      known.delete(key);
    }
    for (const entry of entries.filter(each => known.get(each.key) !== each.revision)) {
      yield changeOf(entry);
      known.set(entry.key, entry.revision);
    }
    yield { type: 'synced' };
    try {
      for await (const change of store.watch(CONFIG_PREFIX, revision, signal)) {
        yield change.type === 'put' ? changeOf(change.entry) : { type: 'gone', key: change.key };
        if (change.type === 'put') known.set(change.entry.key, change.entry.revision);
        else known.delete(change.key);
      }
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
    }
  }
}

function changeOf(entry: Entry): ConfigChange {
  const { key } = entry;
  try {
    if (!parseConfigKey(key)) return { type: 'unusable', key, why: `"${key}" is no key of a config object` };
    return { type: 'object', key, object: configObjectOfEntry(entry) };
  } catch (error) {
    const instead = closedPolicy(entry);
    return { type: 'unusable', key, why: messageOf(error), ...(instead && { instead }) };
  }
}
