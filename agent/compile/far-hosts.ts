import { isIP } from 'node:net';
import type { Instance } from '../../manager/model/instance.ts';
import { addressWithPort } from './names.ts';

/**
 * So long a host stays listed that no endpoint names any more, milliseconds. Endpoints that name it stay in force where Envoy refuses those that
 * follow, until somebody mends what it refuses; a host costs 2 KB.
 */
const LINGER_MS = 3_600_000;

/** Where a host's tunnel listens. */
interface Place {
  readonly address: string;
  readonly port: number;
}

/** @param tunnel `10.0.0.2:15008`, `[fd00::2]:15008`. Undefined for what Envoy would refuse, and the addresses beside it. */
export function placeOfTunnel(tunnel: string): Place | undefined {
  const [, address = '', digits] = /^\[?(.+?)\]?:(\d+)$/.exec(tunnel) ?? [];
  const port = Number(digits);
  const known = isIP(address) !== 0 && !address.includes('%') && port > 0 && port < 65_536;
  return known ? { address, port } : undefined;
}

/** What a host is known by: its tunnel as Envoy writes it, so that what an endpoint says is found among the listed. */
export function farHost(tunnel: string): string {
  const place = placeOfTunnel(tunnel);
  return place === undefined ? tunnel : addressWithPort(place.address, place.port);
}

/** The other hosts that instances are on, as one text: equal texts are equal hosts. */
export function farHostsOf(instances: readonly Instance[], host: string): string {
  const tunnels = instances.flatMap(({ reach }) =>
    reach.kind === 'mesh' && reach.host !== host ? [farHost(reach.tunnel)] : [],
  );
  return [...new Set(tunnels)].sort().join();
}

/** Hosts that are named, and those that were within the last hour: the endpoints that name them may be in force still. */
export class FarHosts {
  readonly #now: () => number;
  #named: ReadonlySet<string> = new Set();
  /** Since when a host is named no more. */
  readonly #gone = new Map<string, number>();
  #listed: readonly string[] = [];

  /** @param now milliseconds of a clock that is never set. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Sorted; the same object as long as it is the same hosts. @param named the same object as long as it is the same hosts. */
  list(named: ReadonlySet<string>): readonly string[] {
    const now = this.#now();
    for (const host of this.#named) if (!named.has(host)) this.#gone.set(host, now);
    for (const [host, since] of this.#gone) if (named.has(host) || now - since >= LINGER_MS) this.#gone.delete(host);
    if (named !== this.#named || this.#listed.length !== named.size + this.#gone.size)
      this.#listed = [...named, ...this.#gone.keys()].sort();
    this.#named = named;
    return this.#listed;
  }
}
