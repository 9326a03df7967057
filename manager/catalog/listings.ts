import { type Draft, numbersOf } from './merge.ts';
import { endpointOf } from './workload-index.ts';

/**
 * Where instances are listed, by endpoint: which services to look at when what listens there changes. By address alone that would be all
 * services with an instance on a host, for each of its workloads.
 */
export class Listings {
  readonly #hostnames = new Map<string, Set<string>>();
  readonly #endpoints = new Map<string, ReadonlySet<string>>();

  /** Hostnames of the services with instances that may be known by an endpoint. */
  at(endpoint: string): Iterable<string> {
    return this.#hostnames.get(endpoint) ?? [];
  }

  /** Notes where the instances of a service are listed now. */
  set(hostname: string, drafts: readonly Draft[]): void {
    const endpoints = new Set(drafts.flatMap(endpointsOf));
    for (const endpoint of this.#endpoints.get(hostname) ?? [])
      if (!endpoints.has(endpoint)) this.#drop(endpoint, hostname);
    for (const endpoint of endpoints)
      this.#hostnames.set(endpoint, (this.#hostnames.get(endpoint) ?? new Set()).add(hostname));
    if (endpoints.size > 0) this.#endpoints.set(hostname, endpoints);
    else this.#endpoints.delete(hostname);
  }

  #drop(endpoint: string, hostname: string): void {
    const hostnames = this.#hostnames.get(endpoint);
    hostnames?.delete(hostname);
    if (hostnames?.size === 0) this.#hostnames.delete(endpoint);
  }
}

function endpointsOf(draft: Draft): readonly string[] {
  const { network = '', address } = draft.instance;
  return numbersOf(draft).map(number => endpointOf(network, address, number));
}
