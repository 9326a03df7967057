import { Authority } from '../../auth/ca/authority.ts';
import type { GivenAuthority } from '../../auth/ca/given.ts';
import { makeRoot, type RootText, readRoot } from '../../auth/ca/root.ts';
import { ConflictError, type Store } from '../store/store.ts';

const KEY = 'ca/root';

/**
 * The mesh's authority: the given one; else the one in the store; else one that is made now and stored.
 * A root that was made earlier stays trusted beside a given one, so that hosts move over without a gap.
 * @param now milliseconds since 1970.
 * @throws {AuthorityError} when it cannot be used. @throws {StoreError}
 */
export async function loadAuthority(
  store: Store,
  options: { readonly trustDomain: string; readonly now: () => number; readonly given?: GivenAuthority },
): Promise<Authority> {
  const { trustDomain, now, given } = options;
  const stored = await readStored(store);
  if (given) return new Authority(given, { trustDomain, now, formerRoots: stored ? [stored.certificate] : [] });
  return new Authority(readRoot(stored ?? (await makeStored(store, trustDomain, now()))), { trustDomain, now });
}

async function readStored(store: Store): Promise<RootText | undefined> {
  const entry = await store.get(KEY);
  return entry && (JSON.parse(Buffer.from(entry.value).toString()) as RootText);
}

async function makeStored(store: Store, trustDomain: string, now: number): Promise<RootText> {
  const root = makeRoot(trustDomain, now);
  try {
    await store.put(KEY, Buffer.from(JSON.stringify(root)), 0);
    return root;
  } catch (error) {
    // Another replica was faster: its root is the mesh's.
    const stored = error instanceof ConflictError ? await readStored(store) : undefined;
    if (!stored) throw error;
    return stored;
  }
}
