import type { ReportedWorkload } from '../model/proto/messages.ts';
import { canonicalAddress, placeOf } from '../model/util/address.ts';
import type { Host } from '../model/workload.ts';

/** A workload that a host holds. */
export interface PlacedWorkload {
  readonly workload: ReportedWorkload;
  readonly host: Host;
  /** Whether its host was heard of within the lease. */
  readonly alive: boolean;
}

/** Addresses that mean another machine on each, however they are written. */
export function isOwn(address: string): boolean {
  const canonical = canonicalAddress(address) ?? address;
  return canonical.startsWith('127.') || ['::1', '0.0.0.0', '::'].includes(canonical);
}

/** Names a port at a place, see {@link placeOf}: where a workload listens, and where registries may list it. */
export function endpointOf(network: string, address: string, port: number): string {
  return `${placeOf(network, address)}|${port}`;
}

/** Workloads by where registries may list them. */
export class WorkloadIndex {
  readonly #placed = new Map<string, PlacedWorkload>();
  /** By endpoint, uids in the order in which they came: the first holds it, until it goes. */
  readonly #claims = new Map<string, string[]>();
  /** Those of the claims that have several uids: few, and looked for once for each host. */
  readonly #contested = new Map<string, readonly string[]>();

  get(uid: string): PlacedWorkload | undefined {
    return this.#placed.get(uid);
  }

  all(): IterableIterator<[string, PlacedWorkload]> {
    return this.#placed.entries();
  }

  /** Sets, replaces or takes out a workload. @returns the endpoints where instances may now be reached otherwise. */
  set(uid: string, placed: PlacedWorkload | undefined): ReadonlySet<string> {
    const before = this.#placed.get(uid);
    const [old, fresh] = [endpointsOf(before), endpointsOf(placed)];
    for (const endpoint of old) if (!fresh.has(endpoint)) this.#unclaim(endpoint, uid);
    for (const endpoint of fresh) if (!old.has(endpoint)) this.#claim(endpoint, uid);
    if (placed) this.#placed.set(uid, placed);
    else this.#placed.delete(uid);
    return old.union(fresh);
  }

  /** The workload that listens at an address on one of the ports. */
  find(network: string, address: string, ports: Iterable<number>): PlacedWorkload | undefined {
    for (const port of ports) {
      const [uid] = this.#claims.get(endpointOf(network, address, port)) ?? [];
      if (uid !== undefined) return this.#placed.get(uid);
    }
    return undefined;
  }

  /** Uids that say they listen where another already does. */
  conflicts(): ReadonlyMap<string, readonly string[]> {
    return this.#contested;
  }

  #claim(endpoint: string, uid: string): void {
    this.#hold(endpoint, [...(this.#claims.get(endpoint) ?? []), uid]);
  }

  #unclaim(endpoint: string, uid: string): void {
    const uids = this.#claims.get(endpoint) ?? [];
    this.#hold(
      endpoint,
      uids.filter(other => other !== uid),
    );
  }

  #hold(endpoint: string, uids: string[]): void {
    if (uids.length > 0) this.#claims.set(endpoint, uids);
    else this.#claims.delete(endpoint);
    if (uids.length > 1) this.#contested.set(endpoint, uids);
    else this.#contested.delete(endpoint);
  }
}

/** Every endpoint of a workload. */
function endpointsOf(placed: PlacedWorkload | undefined): ReadonlySet<string> {
  if (!placed) return new Set();
  const { workload, host } = placed;
  const addresses = workload.addresses.filter(address => !isOwn(address));
  return new Set(
    addresses.flatMap(address => workload.ports.map(({ number }) => endpointOf(host.network, address, number))),
  );
}
