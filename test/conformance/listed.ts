import type { Listed } from './fixture.ts';

/** What stands in a registry now, so that a fixture writes only what differs. */
export class Present {
  readonly #services = new Map<string, Map<string, Listed>>();

  /** Takes the wanted instances of a service. @returns those to write, and the ids of those to take out. */
  set(
    service: string,
    listed: readonly Listed[],
  ): { readonly written: readonly Listed[]; readonly gone: readonly string[] } {
    const before = this.#services.get(service) ?? new Map<string, Listed>();
    const after = new Map(listed.map(one => [one.id, one]));
    this.#services.set(service, after);
    const same = (one: Listed): boolean => JSON.stringify(before.get(one.id)) === JSON.stringify(one);
    return { written: listed.filter(one => !same(one)), gone: [...before.keys()].filter(id => !after.has(id)) };
  }

  /** Something else was written beside; the next `set` takes it out. */
  note(service: string, one: Listed): void {
    this.#services.get(service)?.set(one.id, one);
  }
}

/** A list in parts of so many. */
export function* parts<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}
