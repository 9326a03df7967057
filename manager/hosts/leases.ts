import type { Clock } from '../model/util/clock.ts';

/** A host not heard of for so long loses its instances, milliseconds; where a service has no others they stay, as unhealthy. */
export const LEASE_MS = 10_000;
/** We slept so much longer than we meant to, milliseconds: it was us who stood still, not the hosts. */
const OVERSLEPT_MS = 1000;

/** Who was heard of lately. Waits with one timer, however many hosts there are. */
export class Leases {
  readonly #clock: Clock;
  readonly #lapsed: (host: string) => void;
  /** When each lease ends, milliseconds since 1970; in the order in which they were renewed, so the first ends first. */
  readonly #ends = new Map<string, number>();
  #wake: () => void = () => {};

  /** @param lapsed called once for a host whose lease ended. */
  constructor(clock: Clock, lapsed: (host: string) => void) {
    this.#clock = clock;
    this.#lapsed = lapsed;
  }

  /** A host was heard of: a full lease from now. */
  renew(host: string): void {
    this.#ends.delete(host);
    this.#ends.set(host, this.#clock.now() + LEASE_MS);
    this.#wake();
  }

  drop(host: string): void {
    this.#ends.delete(host);
  }

  /** When a host's lease ends, milliseconds since 1970; undefined when it has none. */
  endOf(host: string): number | undefined {
    return this.#ends.get(host);
  }

  /** Watches over the leases until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (!signal.aborted) {
      const first = this.#ends.values().next().value;
      if (first === undefined) await Promise.race([new Promise<void>(resolve => (this.#wake = resolve)), aborted]);
      else await this.#sleepUntil(first, signal);
    }
  }

  /** For a lease at the most. */
  async #sleepUntil(until: number, signal: AbortSignal): Promise<void> {
    const leftMs = Math.min(LEASE_MS, Math.max(0, until - this.#clock.now()));
    await this.#clock.sleep(leftMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const now = this.#clock.now();
    if (now - until > OVERSLEPT_MS) this.#extendAll();
    for (const [host, ends] of this.#ends) {
      // No lease is given for longer: the clock was set back.
      if (ends > now + LEASE_MS) this.#ends.set(host, now + LEASE_MS);
      if (ends > now) continue;
      this.#ends.delete(host);
      this.#lapsed(host);
    }
  }

  /** Heartbeats lie unread in our sockets while the process or the machine stands still. */
  #extendAll(): void {
    for (const host of this.#ends.keys()) this.#ends.set(host, this.#clock.now() + LEASE_MS);
  }
}
