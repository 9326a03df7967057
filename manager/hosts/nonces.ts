import { randomBytes } from 'node:crypto';

/** How long a nonce is good, milliseconds. */
const LIFETIME_MS = 60_000;
/** Nonces that one host may hold at a time; the oldest goes when it asks for more. */
const PER_HOST = 256;

/** Values to be signed into certificate requests: each is good for one use by the host that got it, within a minute. */
export class Nonces {
  /** By host, in the order in which they were given: nonce and when it ends. */
  readonly #held = new Map<string, Map<string, number>>();
  readonly #now: () => number;

  /** @param now milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  give(host: string): string {
    const held = this.#held.get(host) ?? new Map<string, number>();
    this.#held.set(host, held);
    this.#drop(held);
    const nonce = randomBytes(24).toString('base64url');
    held.set(nonce, this.#now() + LIFETIME_MS);
    return nonce;
  }

  /** Uses a nonce up. @returns whether it was good. */
  take(host: string, nonce: string): boolean {
    const held = this.#held.get(host);
    const ends = held?.get(nonce);
    held?.delete(nonce);
    if (held?.size === 0) this.#held.delete(host);
    return ends !== undefined && ends > this.#now();
  }

  /** Drops those of a host that was removed. */
  forget(host: string): void {
    this.#held.delete(host);
  }

  #drop(held: Map<string, number>): void {
    const now = this.#now();
    for (const [nonce, ends] of held) {
      if (ends > now && held.size < PER_HOST) return;
      held.delete(nonce);
    }
  }
}
