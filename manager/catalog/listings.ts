import { placeOf } from '../model/util/address.ts';
import type { Draft } from './merge.ts';

/** Where instances are listed, by place: which services to look at when what stands there changes. */
export class Listings {
  readonly #hostnames = new Map<string, Set<string>>();
  readonly #places = new Map<string, ReadonlySet<string>>();

  /** Hostnames of the services with instances at a place. */
  at(place: string): Iterable<string> {
    return this.#hostnames.get(place) ?? [];
  }

  /** Notes where the instances of a service are listed now. */
  set(hostname: string, drafts: readonly Draft[]): void {
    const places = new Set(drafts.map(({ instance }) => placeOf(instance.network ?? '', instance.address)));
    for (const place of this.#places.get(hostname) ?? []) if (!places.has(place)) this.#drop(place, hostname);
    for (const place of places) this.#hostnames.set(place, (this.#hostnames.get(place) ?? new Set()).add(hostname));
    if (places.size > 0) this.#places.set(hostname, places);
    else this.#places.delete(hostname);
  }

  #drop(place: string, hostname: string): void {
    const hostnames = this.#hostnames.get(place);
    hostnames?.delete(hostname);
    if (hostnames?.size === 0) this.#hostnames.delete(place);
  }
}
