import { PORTS } from './spec.ts';

/**
 * DNS capture inside a namespace. The kernel gives each name server that programs ask there a port of ours, so that the agent knows
 * where to pass a question on to: a set of one place takes the first server that comes to it, and the next rule the next server. A
 * server for which no place is left is asked as without a mesh.
 */
const PLACES: readonly number[] = Array.from({ length: PORTS.lastNamespaceDns - PORTS.dns + 1 }, (_, place) => place);

/** Where questions arrive inside a namespace, by place. */
export const NAMESPACE_DNS_PORTS: readonly number[] = PLACES.map(place => PORTS.dns + place);

/** The servers that were asked, by place; of one namespace. */
export class AskedServers {
  readonly #places = new Map<string, string>();

  /** Elements of the sets. */
  elements(): Record<string, readonly string[]> {
    return Object.fromEntries(SETS.map(set => [set, this.#places.has(set) ? [this.#places.get(set)!] : []]));
  }

  /** @param port that a question arrived at. @returns its server when it is known; else the set that holds it. */
  at(family: 4 | 6, port: number): { readonly server: string | undefined; readonly set: string } {
    const set = setOf(family, port - PORTS.dns);
    return { server: this.#places.get(set), set };
  }

  /** @param shown what `nft -j list` shows of the table, or of one of its sets. */
  learn(shown: string): void {
    const { nftables } = JSON.parse(shown) as { nftables: readonly { set?: ShownSet }[] };
    for (const { set } of nftables) {
      const [server] = set && SETS.includes(set.name) ? (set.elem ?? []) : [];
      if (typeof server === 'string') this.#places.set(set!.name, server);
    }
  }
}

interface ShownSet {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

/** The sets, part of the table. */
export function askedSets(): string {
  const set = (name: string, type: string): string =>
    `  set ${name} { type ${type}; size 1; flags dynamic; %${name}% }`;
  return PLACES.flatMap(place => [set(setOf(4, place), 'ipv4_addr'), set(setOf(6, place), 'ipv6_addr')]).join('\n');
}

/** Sends questions to the port of their server. @param prelude of rules for each family. */
export function askedRules(prelude: { readonly 4: string; readonly 6: string }): string {
  const rules = (family: 4 | 6, address: string): string[] =>
    PLACES.map(place => {
      const question = `meta nfproto ipv${family} meta l4proto { udp, tcp }`;
      return `    ${question} add @${setOf(family, place)} { ${address} } redirect to :${PORTS.dns + place}`;
    });
  // A server on the link alone cannot be told without the name of the link.
  const own = '    ip6 daddr fe80::/10 return';
  return [prelude[4], prelude[6], own, ...rules(4, 'ip daddr'), ...rules(6, 'ip6 daddr')].filter(Boolean).join('\n');
}

const SETS: readonly string[] = PLACES.flatMap(place => [setOf(4, place), setOf(6, place)]);

function setOf(family: 4 | 6, place: number): string {
  return `asked${family}_${place}`;
}
