import type { Rejection } from '../model/proto/messages.ts';
import { placeOf } from '../model/util/address.ts';
import type { Host } from '../model/workload.ts';

/** A claim that was refused is shown for so long after its host made it last, milliseconds: an agent tries again every few seconds. */
const SHOW_MS = 30_000;

/** Which host is at which address of a network. */
export class Claims {
  readonly #now: () => number;
  readonly #holders = new Map<string, string>();
  readonly #held = new Map<string, string>();
  readonly #refused = new Map<string, { readonly at: number; readonly rejection: Rejection }>();

  /** @param now milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The host that holds an address. */
  holder(network: string, address: string): string | undefined {
    return this.#holders.get(placeOf(network, address));
  }

  /** Gives a host its address, which no other may hold, in place of the one that it had. */
  hold({ name, network, address }: Host): void {
    const place = placeOf(network, address);
    this.#refused.delete(name);
    if (this.#held.get(name) === place) return;
    this.release(name);
    this.#holders.set(place, name);
    this.#held.set(name, place);
  }

  release(name: string): void {
    const place = this.#held.get(name);
    this.#held.delete(name);
    this.#refused.delete(name);
    if (place !== undefined) this.#holders.delete(place);
  }

  /** Notes that a host claims what another holds. */
  refuse({ name, address }: Host, holder: string, reason: string): void {
    const rejection = { resource: `address ${address}`, reason, origins: [`host ${name}`, `host ${holder}`] };
    this.#refused.set(name, { at: this.#now(), rejection });
  }

  /** What a host claims in vain, if it did so lately. */
  refused(name: string): Rejection | undefined {
    const found = this.#refused.get(name);
    return found && found.at > this.#now() - SHOW_MS ? found.rejection : undefined;
  }
}
