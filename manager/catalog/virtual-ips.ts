import { createHash } from 'node:crypto';
import { ConflictError, type Entry, type Store } from '../store/store.ts';

/** Ranges that virtual IPs come from. */
export const VIRTUAL_RANGES: readonly string[] = ['240.240.0.0/16', 'fd69:7374:686d::/64'];

const PREFIX = 'virtual-ips/';
/** 240.240.0.1 to 240.240.255.254. */
const FIRST = 1;
const LAST = 65_534;
/** A name that is gone keeps its address at least so long, milliseconds: callers may hold it for days. */
const KEEP_MS = 7 * 24 * 3_600_000;

interface Claim {
  readonly hostname: string;
  /** Since when no such service is listed, milliseconds since 1970. */
  readonly unusedSince?: number;
}

interface Held {
  readonly number: number;
  readonly claim: Claim;
  readonly revision: number;
}

/** There is no virtual IP left. */
export class AddressesExhaustedError extends Error {
  override readonly name = 'AddressesExhaustedError';
  readonly code = 'ADDRESSES_EXHAUSTED';
}

/** The addresses that a number stands for: one IPv4 and one IPv6. */
export function addressesOf(number: number): readonly string[] {
  return [`240.240.${number >> 8}.${number & 0xff}`, `fd69:7374:686d::${number.toString(16)}`];
}

/**
 * Gives each service an address of its own, for good. One store entry per number: whoever makes it owns it, so that Managers on one
 * store never give one number to two names, nor two to one (both begin the search at the same place).
 */
export class VirtualIps {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #byHostname = new Map<string, Held>();
  readonly #byNumber = new Map<number, Held>();
  /** By hostname, whether it is used, where that is being written. */
  readonly #use = new Map<string, boolean>();
  readonly #noting = new Map<string, Promise<void>>();
  readonly #asked = new Map<string, Promise<readonly string[]>>();

  /** @param now milliseconds since 1970. */
  constructor(store: Store, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Reads the store. */
  async load(): Promise<void> {
    const { entries } = await this.#store.list(PREFIX);
    for (const entry of entries) this.#remember(entry);
  }

  /** The addresses of a service that has some. */
  get(hostname: string): readonly string[] | undefined {
    const held = this.#byHostname.get(hostname);
    return held && addressesOf(held.number);
  }

  /**
   * The addresses of a service, stored before this resolves.
   * @throws {AddressesExhaustedError} @throws {StoreError}
   */
  async give(hostname: string): Promise<readonly string[]> {
    const running = this.#asked.get(hostname) ?? this.#give(hostname).finally(() => this.#asked.delete(hostname));
    this.#asked.set(hostname, running);
    return running;
  }

  /** Notes that a service came (back) or went. Of calls that overlap the last holds. @throws {StoreError} */
  setUsed(hostname: string, used: boolean): Promise<void> {
    this.#use.set(hostname, used);
    const running = this.#noting.get(hostname) ?? this.#noteUse(hostname);
    if (this.#use.has(hostname)) this.#noting.set(hostname, running);
    return running;
  }

  /** Writes until the store says what was noted last. */
  async #noteUse(hostname: string): Promise<void> {
    try {
      for (;;) {
        const [held, used] = [this.#byHostname.get(hostname), this.#use.get(hostname)];
        if (!held || (held.claim.unusedSince === undefined) === used) return;
        await this.#write(held.number, used ? { hostname } : { hostname, unusedSince: this.#now() }, held.revision);
      }
    } finally {
      this.#use.delete(hostname);
      this.#noting.delete(hostname);
    }
  }

  async #give(hostname: string): Promise<readonly string[]> {
    for (let number = startOf(hostname), tries = FIRST; tries <= LAST; tries += 1, number = nextOf(number)) {
      const own = this.get(hostname);
      if (own) return own;
      if (this.#byNumber.has(number)) continue;
      if (await this.#write(number, { hostname }, 0)) return addressesOf(number);
    }
    return this.#takeOver(hostname);
  }

  /** All are given: the one whose service has been gone longest changes hands, if it was gone long enough. */
  async #takeOver(hostname: string): Promise<readonly string[]> {
    const since = ({ claim }: Held): number =>
      this.#use.get(claim.hostname) ? Number.POSITIVE_INFINITY : (claim.unusedSince ?? Number.POSITIVE_INFINITY);
    const oldest = [...this.#byNumber.values()].sort((a, b) => since(a) - since(b))[0];
    if (oldest && since(oldest) <= this.#now() - KEEP_MS) {
      this.#byHostname.delete(oldest.claim.hostname);
      if (await this.#write(oldest.number, { hostname }, oldest.revision)) return addressesOf(oldest.number);
    }
    throw new AddressesExhaustedError(`no virtual IP is left for ${hostname}: all ${LAST} are given`);
  }

  /** @returns whether it was written; if not, another Manager was faster, and what it wrote is known now. */
  async #write(number: number, claim: Claim, expected: number): Promise<boolean> {
    const key = `${PREFIX}${number}`;
    try {
      this.#remember(await this.#store.put(key, Buffer.from(JSON.stringify(claim)), expected));
      return true;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const entry = await this.#store.get(key);
      if (entry) this.#remember(entry);
      return false;
    }
  }

  #remember(entry: Entry): void {
    const number = Number(entry.key.slice(PREFIX.length));
    const claim = JSON.parse(Buffer.from(entry.value).toString()) as Claim;
    const held = { number, claim, revision: entry.revision };
    this.#byNumber.set(number, held);
    this.#byHostname.set(claim.hostname, held);
  }
}

/** Where the search for a name begins: spread evenly, and the same for every Manager. */
function startOf(hostname: string): number {
  return FIRST + (createHash('sha256').update(hostname).digest().readUInt32BE(0) % (LAST - FIRST + 1));
}

function nextOf(number: number): number {
  return number === LAST ? FIRST : number + 1;
}
