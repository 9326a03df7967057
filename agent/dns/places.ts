import type { Asker, OwnerOf } from './asker.ts';

/** One of a bounded number of places, and who has it. */
export interface Place {
  readonly asker: Asker;
  /** The user; not known before it was asked for. */
  readonly owner: { readonly uid: number | undefined } | undefined;
}

type Taken = { -readonly [Key in keyof Place]: Place[Key] };

/**
 * A bounded number of places, shared among the users of the host: nobody has more of them than are free, though anybody may have one.
 * One user alone has half of them, two have a third each, and whoever comes next finds some. Those whose socket is gone, or is not of this namespace, count as one user.
 */
export class Places {
  readonly #most: number;
  readonly #owners: () => Promise<OwnerOf>;
  readonly #taken = new Set<Taken>();
  readonly #counts = new Map<number | undefined, number>();

  /** @param owners tells who owns sockets, those included that exist when it is called. */
  constructor(most: number, owners: () => Promise<OwnerOf>) {
    this.#most = most;
    this.#owners = owners;
  }

  get isFull(): boolean {
    return this.#taken.size >= this.#most;
  }

  /** Takes a place, which has to be left again. Only when it is not full. */
  enter(asker: Asker): Place {
    const place: Taken = { asker, owner: undefined };
    this.#taken.add(place);
    return place;
  }

  leave(place: Place): void {
    if (this.#taken.delete(place) && place.owner) this.#count(place.owner.uid, -1);
  }

  /** Whether whoever has this place may have so many. Users are looked for only once half of all places are taken: that costs. */
  async fits(place: Place): Promise<boolean> {
    // Until then nobody can have more than are free.
    if (this.#taken.size <= this.#free) return true;
    const ownerOf = await this.#owners();
    for (const each of this.#taken) {
      if (each.owner) continue;
      each.owner = { uid: ownerOf(each.asker) };
      this.#count(each.owner.uid, 1);
    }
    return !place.owner || (this.#counts.get(place.owner.uid) ?? 0) <= Math.max(1, this.#free);
  }

  get #free(): number {
    return this.#most - this.#taken.size;
  }

  #count(uid: number | undefined, more: number): void {
    const count = (this.#counts.get(uid) ?? 0) + more;
    if (count === 0) this.#counts.delete(uid);
    else this.#counts.set(uid, count);
  }
}
