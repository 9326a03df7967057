/** Which service each alias names. An alias that several services claim goes to the one that comes first by rank, then by hostname. */
export class Aliases {
  readonly #claims = new Map<string, Map<string, number>>();
  readonly #byHostname = new Map<string, ReadonlySet<string>>();

  /** The service that an alias names. */
  owner(alias: string): string | undefined {
    let best: [hostname: string, rank: number] | undefined;
    for (const [hostname, rank] of this.#claims.get(alias) ?? [])
      if (!best || rank < best[1] || (rank === best[1] && hostname < best[0])) best = [hostname, rank];
    return best?.[0];
  }

  /** Sets what a service claims. @returns aliases that name another service now, and the services that lost or won one. */
  set(
    hostname: string,
    aliases: readonly string[],
    rank: number,
  ): { readonly moved: readonly string[]; readonly touched: ReadonlySet<string> } {
    const old = this.#byHostname.get(hostname) ?? new Set<string>();
    const fresh = new Set(aliases);
    const all = new Set([...old, ...fresh]);
    const before = new Map([...all].map(alias => [alias, this.owner(alias)]));
    for (const alias of all) this.#claim(alias, hostname, fresh.has(alias) ? rank : undefined);
    if (fresh.size > 0) this.#byHostname.set(hostname, fresh);
    else this.#byHostname.delete(hostname);
    const moved = [...all].filter(alias => this.owner(alias) !== before.get(alias));
    const touched = new Set<string>();
    for (const alias of moved)
      for (const other of [before.get(alias), this.owner(alias)])
        if (other !== undefined && other !== hostname) touched.add(other);
    return { moved, touched };
  }

  #claim(alias: string, hostname: string, rank: number | undefined): void {
    const claims = this.#claims.get(alias) ?? new Map<string, number>();
    if (rank === undefined) claims.delete(hostname);
    else claims.set(hostname, rank);
    if (claims.size > 0) this.#claims.set(alias, claims);
    else this.#claims.delete(alias);
  }
}
