import { ConflictError, type Store } from '../store/store.ts';

/** A host that joined, and what it may be. */
export interface Member {
  readonly name: string;
  /** Patterns of the identities that it may ask for. */
  readonly identities: readonly string[];
  /** Milliseconds since 1970. */
  readonly joinedAt: number;
  /** Id of the token that it joined with. */
  readonly token: string;
}

const PREFIX = 'hosts/';

/** The hosts that belong to the mesh, in memory and in the store. A host that is not here is refused, whatever certificate it shows. */
export class Members {
  readonly #store: Store;
  readonly #members = new Map<string, Member>();
  readonly #onRemoved: (host: string) => void;
  readonly #onJoinedAnew: (host: string) => void;

  /**
   * @param onRemoved called when a host is taken out.
   * @param onJoinedAnew called when one that is there joins again: what came with its certificate before is worthless from now on.
   */
  constructor(store: Store, onRemoved: (host: string) => void, onJoinedAnew: (host: string) => void = () => {}) {
    this.#store = store;
    this.#onRemoved = onRemoved;
    this.#onJoinedAnew = onJoinedAnew;
  }

  /** Reads the store. @throws {StoreError} */
  async load(): Promise<void> {
    const { entries } = await this.#store.list(PREFIX);
    for (const entry of entries) {
      const member = JSON.parse(Buffer.from(entry.value).toString()) as Member;
      this.#members.set(member.name, member);
    }
  }

  get(name: string): Member | undefined {
    return this.#members.get(name);
  }

  all(): IterableIterator<Member> {
    return this.#members.values();
  }

  /** Adds a host, or gives one that is there new rights. */
  async put(member: Member): Promise<void> {
    await this.#store.put(PREFIX + member.name, write(member));
    const isThere = this.#members.has(member.name);
    this.#members.set(member.name, member);
    if (isThere) this.#onJoinedAnew(member.name);
  }

  /** Adds a host that must be new. Resolves to whether it was: of two that come at once, one is. */
  async add(member: Member): Promise<boolean> {
    try {
      await this.#store.put(PREFIX + member.name, write(member), 0);
    } catch (error) {
      if (error instanceof ConflictError) return false;
      throw error;
    }
    this.#members.set(member.name, member);
    return true;
  }

  /** Takes a host out: its certificate is worthless from now on. Resolves to whether it was there. */
  async remove(name: string): Promise<boolean> {
    const there = await this.#store.delete(PREFIX + name);
    if (this.#members.delete(name)) this.#onRemoved(name);
    return there;
  }
}

function write(member: Member): Uint8Array {
  return Buffer.from(JSON.stringify(member));
}
