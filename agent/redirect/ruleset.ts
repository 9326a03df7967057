/** A table of nftables in two parts: what is replaced as a whole, and elements that come and go one by one. */
export interface Ruleset {
  /** The sets, maps and chains; `%name%` stands for the elements of a set. */
  readonly structure: string;
  /** Elements by set or map; of a map as `key : value`. */
  readonly elements: Readonly<Record<string, readonly string[]>>;
  /** Chains that come and go with elements that lead to them: their one rule by name. */
  readonly chains?: Readonly<Record<string, string>>;
}

/** Our table; all that we add to nftables lies in it. */
export const TABLE = 'inet isthmus';

/** What not every kernel has. */
export interface KernelFeatures {
  /** Conntrack timeouts by rule (CONFIG_NF_CONNTRACK_TIMEOUT). */
  readonly udpTimeouts: boolean;
}

/** Each once, in an order that does not depend on where they stood. */
export function unique(elements: readonly string[]): string[] {
  return [...new Set(elements)].sort();
}

/** Ranges in CIDR form of each family, as {@link unique}. */
export function byFamily(ranges: readonly string[]): { readonly 4: readonly string[]; readonly 6: readonly string[] } {
  const isSix = (range: string): boolean => range.includes(':');
  return { 4: unique(ranges.filter(range => !isSix(range))), 6: unique(ranges.filter(isSix)) };
}
