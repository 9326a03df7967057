import { formatToken, hashSecret, makeToken, parseToken, secretFits, tokenCommand } from '../../auth/token.ts';
import type { Revocation, TokenInfo, TokenRequest, Tokens } from '../api/tokens.ts';
import { ConflictError, type Entry, type Store } from '../store/store.ts';
import { checkPatterns } from './allowed.ts';
import { RefusalError } from './refusal.ts';

/** As it is stored. */
interface TokenRecord extends TokenInfo {
  readonly secretHash: string;
}

const PREFIX = 'tokens/';
/** Used and expired tokens stay listed for so long. */
const KEEP_MS = 7 * 24 * 3_600_000;

/** Join tokens in the store: stored hashed, each good for one host, once. */
export class TokenStore implements Tokens {
  readonly #store: Store;
  readonly #fingerprint: string;
  readonly #now: () => number;

  /** @param fingerprint of the root that joining hosts are to trust. @param now milliseconds since 1970. */
  constructor(store: Store, fingerprint: string, now: () => number) {
    this.#store = store;
    this.#fingerprint = fingerprint;
    this.#now = now;
  }

  /**
   * Makes a token; the answer is the only place that ever holds its secret.
   * @throws {ConfigError} for patterns that are none.
   */
  async create(request: TokenRequest): Promise<TokenInfo & { readonly token: string }> {
    checkPatterns(request.identities);
    await this.#sweep();
    const token = makeToken(this.#fingerprint);
    const now = this.#now();
    const info: TokenInfo = {
      id: token.id,
      ...(request.host === undefined ? {} : { host: request.host }),
      identities: request.identities,
      createdAt: now,
      expiresAt: now + request.ttlMs,
    };
    await this.#store.put(PREFIX + token.id, write({ ...info, secretHash: hashSecret(token.secret) }), 0);
    return { ...info, token: formatToken(token) };
  }

  async list(): Promise<readonly TokenInfo[]> {
    const { entries } = await this.#store.list(PREFIX);
    return entries.map(entry => {
      const { secretHash: _, ...info } = read(entry);
      return info;
    });
  }

  async revoke(id: string): Promise<Revocation> {
    const entry = await this.#store.get(PREFIX + id);
    if (entry === undefined) return 'unknown';
    const { usedBy } = read(entry);
    if (usedBy !== undefined) return { usedBy };
    try {
      return (await this.#store.delete(entry.key, entry.revision)) ? 'revoked' : 'unknown';
    } catch (error) {
      // A host used it just now: a token is written to once.
      if (!(error instanceof ConflictError)) throw error;
      return this.revoke(id);
    }
  }

  /**
   * What a token allows, if it can still be used; it is not used up.
   * @throws {RefusalError}
   */
  async check(text: string, host: string): Promise<Redeemable> {
    const token = parseToken(text);
    // One answer for all that is wrong with the token itself: a guesser learns nothing.
    const invalid = `the join token is not valid, or was revoked; make a new one: ${tokenCommand()}`;
    if (!token) throw new RefusalError('token-invalid', invalid);
    const entry = await this.#store.get(PREFIX + token.id);
    const record = entry && read(entry);
    if (!entry || !record || !secretFits(token.secret, record.secretHash))
      throw new RefusalError('token-invalid', invalid);
    if (record.usedAt !== undefined)
      throw new RefusalError(
        'token-used',
        `the join token was used by host ${record.usedBy}; each is good for one host`,
      );
    if (record.expiresAt <= this.#now())
      throw new RefusalError('token-expired', `the join token expired at ${new Date(record.expiresAt).toISOString()}`);
    if (record.host !== undefined && record.host !== host)
      throw new RefusalError('token-other-host', `the join token is for another host, not for "${host}"`);
    return {
      id: record.id,
      identities: record.identities,
      named: record.host !== undefined,
      use: () => this.#use(entry, host),
    };
  }

  /** @throws {RefusalError} when another was faster. */
  async #use(entry: Entry, host: string): Promise<void> {
    try {
      await this.#store.put(entry.key, write({ ...read(entry), usedAt: this.#now(), usedBy: host }), entry.revision);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      throw new RefusalError('token-used', 'the join token was just used or revoked', { cause: error });
    }
  }

  async #sweep(): Promise<void> {
    const { entries } = await this.#store.list(PREFIX);
    const old = entries.filter(entry => read(entry).expiresAt < this.#now() - KEEP_MS);
    await Promise.all(old.map(entry => this.#store.delete(entry.key)));
  }
}

/** A token that can be used. */
export interface Redeemable {
  readonly id: string;
  readonly identities: readonly string[];
  /** The token names its host. */
  readonly named: boolean;
  /** Uses it up. @throws {RefusalError} when it was used meanwhile. */
  use(): Promise<void>;
}

function write(record: TokenRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

function read(entry: Entry): TokenRecord {
  return JSON.parse(Buffer.from(entry.value).toString()) as TokenRecord;
}
