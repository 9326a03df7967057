/** What a join token is for. */
export interface TokenRequest {
  /** The only host that may use it; any when absent. */
  readonly host?: string;
  /** Identities that the host may then ask for: `<namespace>/<service account>`, `*` for any part, such as `default/*`. At least one. */
  readonly identities: readonly string[];
  /** Milliseconds until it is useless. */
  readonly ttlMs: number;
}

/** A join token as it is listed: without its secret. Times are milliseconds since 1970. */
export interface TokenInfo {
  readonly id: string;
  readonly host?: string;
  readonly identities: readonly string[];
  readonly createdAt: number;
  readonly expiresAt: number;
  /** When a host joined with it; it is of no more use then. */
  readonly usedAt?: number;
  readonly usedBy?: string;
}

/** What became of a token that was to be taken back: one that a host used stays, as the record of who joined as what. */
export type Revocation = 'revoked' | 'unknown' | { readonly usedBy: string };

/** Join tokens: good for one host, once. */
export interface Tokens {
  /** The only time that the secret is told. */
  create(request: TokenRequest): Promise<TokenInfo & { readonly token: string }>;
  list(): Promise<readonly TokenInfo[]>;
  /** Takes one back that no host used yet. */
  revoke(id: string): Promise<Revocation>;
}
