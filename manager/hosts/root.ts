import { Authority, LIFETIME } from '../../auth/ca/authority.ts';
import type { GivenAuthority } from '../../auth/ca/given.ts';
import { makeRoot, type RootText, readRoot } from '../../auth/ca/root.ts';
import { ConflictError, type Store } from '../store/store.ts';

const KEY = 'ca/root';
const GIVEN_KEY = 'ca/given';

/** The root of an authority that was given. */
interface GivenRoot {
  /** PEM. */
  readonly certificate: string;
  /** Until when it is trusted, milliseconds since 1970; absent while it is in use. */
  readonly until?: number;
}

/**
 * The mesh's authority: the given one; else the one in the store; else one that is made now and stored.
 * So that hosts move over without a gap, a root that was made earlier stays trusted beside a given one, and vouches for it to who has yet to
 * hear of it; and one that was given stays trusted until all has ended that it signed.
 * @param now milliseconds since 1970.
 * @throws {AuthorityError} when it cannot be used. @throws {StoreError}
 */
export async function loadAuthority(
  store: Store,
  options: { readonly trustDomain: string; readonly now: () => number; readonly given?: GivenAuthority },
): Promise<Authority> {
  const { trustDomain, now, given } = options;
  const stored = await readStored(store);
  const formerRoots = await replaced(store, given?.chain.at(-1)?.toString(), now());
  if (!given) {
    const own = stored ?? (await makeStored(store, trustDomain, now()));
    return new Authority(readRoot(own), { trustDomain, now, formerRoots });
  }
  return new Authority(given, { trustDomain, now, formerRoots, ...(stored && { voucher: readRoot(stored) }) });
}

/** The roots that were given before the current one and are still trusted, PEM; the current one is noted. */
async function replaced(store: Store, current: string | undefined, now: number): Promise<string[]> {
  const entry = await store.get(GIVEN_KEY);
  const noted = entry ? (JSON.parse(Buffer.from(entry.value).toString()) as GivenRoot[]) : [];
  const before = noted
    .filter(({ certificate }) => certificate !== current)
    .map(({ certificate, until = now + LIFETIME.host }) => ({ certificate, until }))
    .filter(({ until }) => until > now);
  const next: GivenRoot[] = current === undefined ? before : [...before, { certificate: current }];
  if (JSON.stringify(next) !== JSON.stringify(noted)) await store.put(GIVEN_KEY, Buffer.from(JSON.stringify(next)));
  return before.map(({ certificate }) => certificate);
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
