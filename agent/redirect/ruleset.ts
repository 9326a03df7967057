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
