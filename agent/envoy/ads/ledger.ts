import type { Resource } from '../../compile/resource.ts';
import { split } from './isolate.ts';
import type { DeltaRequest } from './wire.ts';

/** What one client holds of one resource. */
export interface Held {
  /** The version in force there; undefined when none was accepted yet. */
  accepted?: string | undefined;
  /** The version it refused, and why. */
  rejected?: { readonly version: string; readonly reason: string } | undefined;
  /** Sent in a response that was refused as a whole: it may have been taken or not. */
  uncertain?: boolean;
  /** The refused version shall be offered once more. */
  again?: boolean;
}

/** A response on its way. */
export interface Sent {
  readonly nonce: string;
  /** The resources in it by name. */
  readonly resources: ReadonlyMap<string, Resource>;
  /** Names of those that were good before, and stand in for a version that this client refused. */
  readonly standIns: ReadonlySet<string>;
  readonly removed: readonly string[];
  /** Of `performance.now()`. */
  readonly at: number;
}

/** A resource that was refused. */
export interface Refused {
  readonly name: string;
  readonly version: string;
  readonly reason: string;
  /** Whether it stood in for the wanted version, which was refused before. */
  readonly standIn: boolean;
}

/** What came of a response. */
export interface Outcome {
  readonly accepted: readonly Resource[];
  /** Known for sure: each was refused in a response of its own. */
  readonly rejected: readonly Refused[];
  /** Refused together with others; they are sent again in smaller groups until the culprits are found. */
  readonly suspected: readonly string[];
}

type Desired = ReadonlyMap<string, Resource>;

/**
 * What one client subscribed to and holds of one type of resource, by the delta protocol of xDS. Knows nothing of the order between
 * types or of the wire; one response is on its way at a time.
 */
export class Ledger {
  readonly held: Map<string, Held> = new Map();
  /** The response that was not answered yet. */
  pending: Sent | undefined;
  readonly #good: (name: string) => Resource | undefined;
  #wildcard = false;
  readonly #names = new Set<string>();
  /** Subscribed names of which the client was told that there is no such resource. */
  readonly #absent = new Set<string>();
  /** To be sent even if the client holds that version. */
  readonly #forced = new Set<string>();
  /**
   * Names of which the client may lack something. One that has what is wanted is taken out, and comes back with whatever may change that: so
   * nobody has to look at all there are for the few that changed.
   */
  readonly #open = new Set<string>();
  /** What was wanted when names were opened last. */
  #known: Desired = new Map();
  #groups: (readonly string[])[] = [];
  #first = true;
  #sentAny = false;

  /**
   * @param wildcardByDefault whether a first request without names means all, as for listeners and clusters.
   * @param good what clients accepted last of a name.
   */
  constructor(wildcardByDefault: boolean, good: (name: string) => Resource | undefined) {
    this.#wildcard = wildcardByDefault;
    this.#good = good;
  }

  /** Takes in a request; the outcome when it answers the pending response. */
  receive(request: DeltaRequest): Outcome | undefined {
    const first = this.#first;
    this.#first = false;
    if (first) this.#wildcard &&= request.subscribe.length === 0;
    for (const [name, version] of Object.entries(request.initialVersions)) this.#hold(name, { accepted: version });
    for (const name of request.subscribe) this.#subscribe(name, first && this.held.has(name));
    for (const name of request.unsubscribe) this.#unsubscribe(name);
    const sent = this.pending;
    if (sent === undefined || request.nonce !== sent.nonce) return undefined;
    this.pending = undefined;
    return request.error === undefined ? this.#accept(sent) : this.#refuse(sent, request.error);
  }

  /** Sends a resource again although the client holds its version, if it subscribed to it. */
  force(name: string): void {
    if (!this.wants(name)) return;
    this.#forced.add(name);
    this.#open.add(name);
  }

  /** What the client lacks, or what it does of the group that is being looked into; stand-ins for what it refused too. */
  additions(desired: Desired): Resource[] {
    const group = this.#groups[0];
    if (group !== undefined) return this.#lacking(group, desired);
    this.#openChanged(desired);
    return this.#lacking(this.#open, desired);
  }

  /** Subscribed names that do not exist, and of which the client was not told so. */
  missing(desired: Desired): string[] {
    const unknown = (name: string): boolean => !this.held.has(name) || this.#forced.has(name);
    return [...this.#names].filter(name => !desired.has(name) && !this.#absent.has(name) && unknown(name));
  }

  /** Names that the client holds and that are gone. */
  removals(desired: Desired): string[] {
    return [...this.held].flatMap(([name, { accepted, uncertain }]) =>
      !desired.has(name) && (accepted !== undefined || uncertain) ? [name] : [],
    );
  }

  /** Whether the client, which holds nothing, waits to be told that there is nothing: it does not start before it knows all. */
  owesEmpty(): boolean {
    return this.#wildcard && this.untouched();
  }

  /** Whether the client holds nothing, and was sent nothing yet. */
  untouched(): boolean {
    return !this.#sentAny && this.held.size === 0;
  }

  /** Notes a response as sent. The group that is being looked into, if any, has its turn with it. */
  sent(sent: Sent): void {
    this.pending = sent;
    this.#sentAny = true;
    for (const name of [...sent.resources.keys(), ...sent.removed]) this.#forced.delete(name);
    for (const name of sent.resources.keys()) this.#absent.delete(name);
    if (sent.resources.size > 0) this.#groups.shift();
  }

  /** Drops groups of which nothing is left to send. */
  skipEmptyGroups(desired: Desired): void {
    while (this.#groups[0] !== undefined && this.#lacking(this.#groups[0], desired).length === 0) this.#groups.shift();
  }

  /** Notes a version as refused, as if the client had answered so. */
  refused(name: string, version: string, reason: string): void {
    this.#hold(name, { accepted: this.held.get(name)?.accepted, rejected: { version, reason } });
  }

  /** Has the next response hold nothing but a resource, if the client lacks it: others need it. */
  first(name: string, desired: Desired): void {
    if (this.#groups[0]?.[0] !== name && this.#lacking([name], desired).length > 0) this.#groups.unshift([name]);
  }

  /** Offers refused resources once more. */
  retryRejected(): void {
    for (const held of this.held.values()) if (held.rejected) held.again = true;
  }

  /** Whether what stands in for a refused resource is on its way, or is to be sent. */
  owesStandIn(wanted: Resource): boolean {
    return this.pending?.standIns.has(wanted.name) || this.#standIn(wanted) !== undefined;
  }

  /** Whether the client subscribed to it. */
  wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name);
  }

  #hold(name: string, held: Held): void {
    this.held.set(name, held);
    this.#open.add(name);
  }

  #openChanged(desired: Desired): void {
    if (desired !== this.#known)
      for (const [name, wanted] of desired) if (this.#known.get(name) !== wanted) this.#open.add(name);
    this.#known = desired;
    for (const name of this.#open) if (this.#isSettled(name, desired)) this.#open.delete(name);
  }

  /** Whether a name can be let be until it is opened again: it is not wanted, or the client has what is. */
  #isSettled(name: string, desired: Desired): boolean {
    const wanted = desired.get(name);
    if (wanted === undefined || !this.wants(name)) return true;
    const { accepted, uncertain } = this.held.get(name) ?? {};
    return accepted === wanted.version && !uncertain && !this.#forced.has(name);
  }

  #lacking(names: Iterable<string>, desired: Desired): Resource[] {
    const found: Resource[] = [];
    for (const name of names) {
      const wanted = desired.get(name);
      if (wanted === undefined || !this.wants(name)) continue;
      const offer = this.#lacks(wanted) ? wanted : this.#standIn(wanted);
      if (offer !== undefined) found.push(offer);
    }
    return found;
  }

  #lacks({ name, version }: Resource): boolean {
    const held = this.held.get(name);
    if (this.#underway(name, version)) return false;
    if (held?.rejected?.version === version && !held.again) return false;
    return held === undefined || held.accepted !== version || held.uncertain === true || this.#forced.has(name);
  }

  /** What a client is to get that refused the wanted version and has no other in force: it may have begun with nothing. */
  #standIn({ name, version }: Resource): Resource | undefined {
    const held = this.held.get(name);
    if (held?.rejected?.version !== version || held.again) return undefined;
    if (held.accepted !== undefined && !held.uncertain && !this.#forced.has(name)) return undefined;
    const good = this.#good(name);
    return good === undefined || good.version === version || this.#underway(name, good.version) ? undefined : good;
  }

  #underway(name: string, version: string): boolean {
    return this.pending?.resources.get(name)?.version === version && !this.#forced.has(name);
  }

  #subscribe(name: string, kept: boolean): void {
    if (name === '*') {
      this.#wildcard = true;
      for (const known of this.#known.keys()) this.#open.add(known);
      return;
    }
    this.#names.add(name);
    this.#absent.delete(name);
    if (!kept) this.#forced.add(name);
    this.#open.add(name);
  }

  #unsubscribe(name: string): void {
    if (name === '*') this.#wildcard = false;
    this.#names.delete(name);
    this.#absent.delete(name);
    this.#forced.delete(name);
    for (const held of this.held.keys()) if (!this.wants(held)) this.held.delete(held);
  }

  #accept(sent: Sent): Outcome {
    for (const [name, { version: accepted }] of sent.resources) {
      if (!this.wants(name)) continue;
      // With a stand-in in force the wanted version is as refused as before.
      const before = sent.standIns.has(name) ? this.held.get(name) : {};
      this.#hold(name, { ...before, accepted, uncertain: false });
    }
    this.#removed(sent.removed);
    return { accepted: [...sent.resources.values()], rejected: [], suspected: [] };
  }

  #refuse(sent: Sent, reason: string): Outcome {
    this.#removed(sent.removed);
    const names = [...sent.resources.keys()];
    if (names.length > 1) {
      for (const name of names) this.#hold(name, { ...this.held.get(name), uncertain: true });
      this.#groups = [...split(names, reason), ...this.#groups];
      return { accepted: [], rejected: [], suspected: names };
    }
    const rejected = [...sent.resources].map(([name, { version }]): Refused => {
      const standIn = sent.standIns.has(name);
      if (standIn) this.#hold(name, { ...this.held.get(name), uncertain: false });
      else this.refused(name, version, reason);
      return { name, version, reason, standIn };
    });
    return { accepted: [], rejected, suspected: [] };
  }

  #removed(names: readonly string[]): void {
    for (const name of names) {
      this.held.delete(name);
      this.#open.add(name);
      if (this.#names.has(name)) this.#absent.add(name);
    }
  }
}
