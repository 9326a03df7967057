import { shortest } from '../../manager/model/util/address.ts';
import { range } from './filters.ts';
import type { Problem } from './input.ts';
import type { JsonMap } from './resource.ts';

/** A process of the host with the chains of its ports, as {@link sharedChains} takes them. */
export interface InboundOwner {
  /** Uid. */
  readonly workload: string;
  /** Empty: all of the host. */
  readonly addresses: readonly string[];
  /** One for each port, whether callers are served or refused. */
  readonly chains: readonly JsonMap[];
}

/** Stands for the addresses of the host that nobody names. */
const ANY = 'any';

/**
 * The chains of a host's processes in one listener. Where several have the same port, each is known by its addresses; an address that
 * two of them claim is the first one's, for its policy too: Envoy refuses a listener with two chains for one place, and that for all.
 *
 * @param owners in the order of precedence.
 * @param hostAddress that of a process that names none.
 */
export function sharedChains(
  owners: readonly InboundOwner[],
  hostAddress: string,
): { readonly chains: readonly JsonMap[]; readonly problems: readonly Problem[] } {
  const holders = new Map<string, string>();
  const problems: Problem[] = [];
  const times = Map.groupBy(
    owners.flatMap(({ chains }) => chains.map(portOf)),
    port => port,
  );
  const chains = owners.flatMap(({ workload, addresses, chains }) =>
    chains.flatMap(chain => {
      const port = portOf(chain);
      if (times.get(port)!.length === 1) return [chain];
      const wanted = addresses.length > 0 ? addresses.map(shortest) : [ANY, shortest(hostAddress)];
      const place = (address: string): string => `${address} ${port}`;
      const taken = wanted.filter(address => holders.has(place(address)));
      if (taken.length > 0) {
        const others = taken.map(address => holders.get(place(address))!);
        problems.push({ origin: `workload ${workload}`, message: claimed(port, taken, others) });
      }
      const own = wanted.filter(address => !taken.includes(address));
      for (const address of own) holders.set(place(address), workload);
      if (own.length === 0) return [];
      return [own.includes(ANY) ? chain : at(chain, port, own)];
    }),
  );
  return { chains, problems };
}

function claimed(port: number, taken: readonly string[], others: readonly string[]): string {
  const where = taken.filter(address => address !== ANY).join(', ');
  const place = where === '' ? `${port}` : `${port} at ${where}`;
  const names = [...new Set(others)].join(', ');
  return `its port ${place} is that of workload ${names} too, which alone takes calls from outside the mesh there: take the port out of one of them, or give them different addresses`;
}

function at(chain: JsonMap, port: number, addresses: readonly string[]): JsonMap {
  return {
    ...chain,
    filter_chain_match: { destination_port: port, prefix_ranges: [...new Set(addresses)].map(range) },
  };
}

function portOf(chain: JsonMap): number {
  return (chain['filter_chain_match'] as { readonly destination_port: number }).destination_port;
}
