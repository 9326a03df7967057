import { messageOf } from '../../../manager/model/util/errors.ts';
import { HBONE } from '../../compile/hbone.ts';
import { type Resource, TYPE, type TypeUrl } from '../../compile/resource.ts';
import { type Held, Ledger, type Outcome, type Sent } from './ledger.ts';
import type { DeltaRequest, DeltaResponse } from './wire.ts';

/** Wanted resources of each type by name; undefined for a type of which nothing is known yet, so nothing is said of it. */
export type Desired = Readonly<Record<TypeUrl, ReadonlyMap<string, Resource> | undefined>>;

export interface SessionOptions {
  readonly desired: () => Desired;
  /** @throws when the body does not fit its type; the resource then counts as refused. */
  readonly encode: (resource: Resource) => Uint8Array;
  readonly send: (response: DeltaResponse) => void;
  /** What clients accepted last of a name. */
  readonly good: (typeUrl: TypeUrl, name: string) => Resource | undefined;
  /**
   * Called when the client answered a response, before the next is sent, and when it says that it holds what is wanted. What was
   * accepted or refused has to be known to `good` when this returns.
   */
  readonly answered: (typeUrl: TypeUrl, outcome: Outcome) => void;
  /** Called when the client took longer than `gateMs`, and what waited for it is sent all the same. */
  readonly late: (typeUrl: TypeUrl) => void;
  /** How long what depends on clusters waits for the client to have them ready, ms. */
  readonly gateMs: number;
  /** How long clusters that nothing names any more are kept, ms: requests on their way still use them. */
  readonly removalMs: number;
}

/** Bytes of bodies in one response; what does not fit follows in the next. */
const RESPONSE_BYTES = 2 * 1024 * 1024;

/**
 * One client's stream: which response is sent when. New clusters come first, then internal listeners (endpoints name them), endpoints,
 * and once the client has these ready, the other listeners and the routes. What is gone is removed after that, in reverse order.
 * Of the endpoints, the list of hosts comes first and alone: calls to a host that others name and that is not listed there fail.
 * Envoy acknowledges clusters when they are warm, and for that it needs their endpoints: so those do not wait.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #ledgers = new Map<TypeUrl, Ledger>();
  #timer: NodeJS.Timeout | undefined;
  /** Types of which the client said what it holds, until that was compared with what is wanted. */
  readonly #claimed = new Set<TypeUrl>();
  readonly #late = new WeakSet<object>();
  #count = 0;
  /** Since when a type has held up those after it, of `performance.now()`: under changes without end its answers alone never let them pass. */
  readonly #blockedSince = new Map<TypeUrl, number>();
  /** When nothing was left to add, of `performance.now()`. */
  #quietSince: number | undefined;
  /** Since when clusters are wanted no more, of `performance.now()`: what was on its way there when its listener went still is. */
  #unwantedSince: ReadonlyMap<string, number> = new Map();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Takes in a request and sends what follows from it. Types that are not served are ignored. */
  receive(request: DeltaRequest): void {
    const typeUrl = Object.values(TYPE).find(url => url === request.typeUrl);
    if (typeUrl === undefined) return;
    let ledger = this.#ledgers.get(typeUrl);
    if (ledger === undefined) {
      const wildcard = typeUrl === TYPE.cluster || typeUrl === TYPE.listener;
      ledger = new Ledger(wildcard, name => this.#options.good(typeUrl, name));
      this.#ledgers.set(typeUrl, ledger);
    }
    const outcome = ledger.receive(request);
    if (Object.keys(request.initialVersions).length > 0) this.#claimed.add(typeUrl);
    if (outcome) this.#options.answered(typeUrl, outcome);
    this.push();
  }

  /** Sends what can be sent now. Call when the wanted resources changed. */
  push(): void {
    this.#takeClaims();
    this.#sendInOrder();
    // What waited for long has passed now; the next waits anew.
    const expired = performance.now() - this.#options.gateMs;
    for (const [type, since] of this.#blockedSince) if (since <= expired) this.#blockedSince.delete(type);
  }

  /** What is wanted and what the client came with has been accepted, in an earlier life of this program. */
  #takeClaims(): void {
    for (const typeUrl of this.#claimed) {
      const desired = this.#options.desired()[typeUrl];
      if (desired === undefined) continue;
      this.#claimed.delete(typeUrl);
      const accepted = [...desired.values()].filter(
        ({ name, version }) => this.held(typeUrl, name)?.accepted === version,
      );
      this.#options.answered(typeUrl, { accepted, rejected: [], suspected: [] });
    }
  }

  #sendInOrder(): void {
    const internal = (resource: Resource): boolean => resource.body['internal_listener'] !== undefined;
    this.#offer(TYPE.secret);
    this.#offer(TYPE.cluster);
    const waiting = this.#blocked(TYPE.cluster) || this.#blocked(TYPE.endpoints);
    // An Envoy that takes over from another has that one close its listeners once it has any itself: it gets all of them at once.
    const begins = this.#ledgers.get(TYPE.listener)?.untouched() ?? false;
    if (!this.#unsent(TYPE.cluster) && !(begins && waiting)) this.#offer(TYPE.listener, waiting ? internal : undefined);
    if (begins || !this.#unsent(TYPE.listener, internal)) {
      const early = this.#outdatedClusters();
      this.#listHostsFirst(early);
      this.#offer(TYPE.endpoints, early.size > 0 ? ({ name }) => !early.has(name) : undefined);
    }
    if (this.#blocked(TYPE.cluster) || this.#blocked(TYPE.endpoints)) return;
    this.#offer(TYPE.listener);
    if (this.#blocked(TYPE.listener)) return;
    this.#offer(TYPE.routes);
    if (this.#blocked(TYPE.routes)) return;
    this.#remove();
  }

  #listHostsFirst(early: ReadonlySet<string>): void {
    const desired = this.#options.desired()[TYPE.endpoints];
    if (desired !== undefined && !early.has(HBONE)) this.#ledgers.get(TYPE.endpoints)?.first(HBONE, desired);
  }

  /**
   * Clusters that stand in a version that is to be replaced, which waits for an answer about others. The one that stands must not get the
   * endpoints of the next: it would mark what it dials there as delivered, or not, as was right for those before.
   */
  #outdatedClusters(): ReadonlySet<string> {
    const desired = this.#options.desired()[TYPE.cluster];
    const ledger = this.#ledgers.get(TYPE.cluster);
    const unsent = desired === undefined || !ledger?.pending ? [] : ledger.additions(desired);
    const standing = unsent.filter(
      ({ name }) => this.held(TYPE.cluster, name)?.accepted !== undefined && !this.underway(TYPE.cluster, name),
    );
    return new Set(standing.map(({ name }) => name));
  }

  /** Whether the client subscribed to listeners and clusters, and everything is known that it may ask for. */
  begun(): boolean {
    const subscribed = this.#ledgers.has(TYPE.cluster) && this.#ledgers.has(TYPE.listener);
    return subscribed && Object.values(TYPE).every(type => this.#options.desired()[type] !== undefined);
  }

  /**
   * The versions of a resource that the client answered for last, the accepted one and the refused one, unless it is asked again or
   * something is to stand in for it.
   */
  answered(typeUrl: TypeUrl, name: string): ReadonlySet<string> {
    const { accepted, rejected, again } = this.held(typeUrl, name) ?? {};
    const underway = this.underway(typeUrl, name);
    const wanted = this.#options.desired()[typeUrl]?.get(name);
    const open = again || (wanted && this.#ledgers.get(typeUrl)?.owesStandIn(wanted));
    const refused = open ? undefined : rejected?.version;
    return new Set([accepted, refused].filter(version => version !== undefined && version !== underway) as string[]);
  }

  /** The version of a resource that is on its way to the client. */
  underway(typeUrl: TypeUrl, name: string): string | undefined {
    return this.#ledgers.get(typeUrl)?.pending?.resources.get(name)?.version;
  }

  /** Whether there is such a resource, and the client subscribed to it. */
  wants(typeUrl: TypeUrl, name: string): boolean {
    const known = this.#options.desired()[typeUrl]?.has(name) ?? false;
    return known && (this.#ledgers.get(typeUrl)?.wants(name) ?? false);
  }

  held(typeUrl: TypeUrl, name: string): Held | undefined {
    return this.#ledgers.get(typeUrl)?.held.get(name);
  }

  /** Offers refused resources once more. */
  retryRejected(): void {
    for (const ledger of this.#ledgers.values()) ledger.retryRejected();
    this.push();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Sends what the client lacks of a type and what of it does not exist, unless a response is on its way. */
  #offer(typeUrl: TypeUrl, only?: (resource: Resource) => boolean): void {
    const ledger = this.#ledgers.get(typeUrl);
    const desired = this.#options.desired()[typeUrl];
    if (!ledger || ledger.pending || !desired) return;
    ledger.skipEmptyGroups(desired);
    const lacking = ledger.additions(desired);
    const additions = only ? lacking.filter(only) : lacking;
    // Envoy ignores, with an error in its log, that a route configuration is gone.
    const absent = typeUrl === TYPE.routes || only ? [] : ledger.missing(desired);
    const owed = !only && additions.length === 0 && ledger.owesEmpty();
    const sent = this.#respond(typeUrl, additions, absent, owed);
    if (sent && typeUrl === TYPE.cluster) this.#rewarm([...sent.resources.values()]);
    // None of them could be encoded, and so all are refused: it is the turn of what stands in for them.
    if (!sent && additions.length > 0) this.#offer(typeUrl, only);
  }

  /** Sends one response, if there is anything to send or an empty one is owed. */
  #respond(
    typeUrl: TypeUrl,
    additions: readonly Resource[],
    removed: readonly string[],
    owed: boolean = false,
  ): Sent | undefined {
    const resources = [];
    const chosen = new Map<string, Resource>();
    let bytes = 0;
    for (const resource of additions) {
      const body = this.#encode(typeUrl, resource);
      if (body === undefined) continue;
      bytes += body.length;
      if (bytes > RESPONSE_BYTES && resources.length > 0) break;
      resources.push({ name: resource.name, version: resource.version, body });
      chosen.set(resource.name, resource);
    }
    if (resources.length === 0 && removed.length === 0 && !owed) return undefined;
    this.#count += 1;
    const nonce = String(this.#count);
    const standIns = new Set([...chosen.keys()].filter(name => this.#isStandIn(chosen.get(name)!)));
    const sent = { nonce, resources: chosen, standIns, removed, at: performance.now() };
    this.#ledgers.get(typeUrl)?.sent(sent);
    this.#options.send({ typeUrl, nonce, resources, removed });
    return sent;
  }

  #isStandIn({ typeUrl, name, version }: Resource): boolean {
    return this.#options.desired()[typeUrl]?.get(name)?.version !== version;
  }

  #encode(typeUrl: TypeUrl, resource: Resource): Uint8Array | undefined {
    try {
      return this.#options.encode(resource);
    } catch (error) {
      const { name, version } = resource;
      const rejected = { name, version, reason: messageOf(error), standIn: this.#isStandIn(resource) };
      if (!rejected.standIn) this.#ledgers.get(typeUrl)?.refused(name, version, rejected.reason);
      this.#options.answered(typeUrl, { accepted: [], rejected: [rejected], suspected: [] });
      return undefined;
    }
  }

  /** A cluster that is replaced warms up again with endpoints of its own, and Envoy does not ask for them a second time. */
  #rewarm(clusters: readonly Resource[]): void {
    for (const { name, body } of clusters) {
      const eds = body['eds_cluster_config'];
      if (eds === undefined) continue;
      const serviceName = (eds as { readonly service_name?: string }).service_name;
      this.#ledgers.get(TYPE.endpoints)?.force(serviceName || name);
    }
  }

  /** Removes listeners, and clusters once things have been quiet for a while. */
  #remove(): void {
    this.#quietSince ??= performance.now();
    for (const typeUrl of [TYPE.listener, TYPE.secret, TYPE.cluster]) {
      const ledger = this.#ledgers.get(typeUrl);
      const desired = this.#options.desired()[typeUrl];
      if (!ledger || !desired) continue;
      const gone = ledger.removals(desired);
      if (gone.length === 0) continue;
      if (ledger.pending) return;
      const due = typeUrl === TYPE.cluster ? this.#overdue(gone, this.#quietSince) : gone;
      if (due.length > 0) this.#respond(typeUrl, [], due);
      return;
    }
  }

  /** Of clusters that are wanted no more those that were kept for long enough; the others are looked at again in time. */
  #overdue(gone: readonly string[], quietSince: number): readonly string[] {
    const now = performance.now();
    this.#unwantedSince = new Map(gone.map(name => [name, this.#unwantedSince.get(name) ?? now]));
    const dueAt = (name: string): number =>
      Math.max(quietSince, this.#unwantedSince.get(name)!) + this.#options.removalMs;
    const [due, early] = [gone.filter(name => dueAt(name) <= now), gone.filter(name => dueAt(name) > now)];
    if (due.length === 0) this.#wakeIn(Math.min(...early.map(dueAt)) - now);
    return due;
  }

  #unsent(typeUrl: TypeUrl, only: (resource: Resource) => boolean = () => true): boolean {
    const desired = this.#options.desired()[typeUrl];
    return desired !== undefined && (this.#ledgers.get(typeUrl)?.additions(desired).some(only) ?? false);
  }

  /** Whether the client still lacks something, or has not answered. */
  #busy(typeUrl: TypeUrl): boolean {
    const ledger = this.#ledgers.get(typeUrl);
    const desired = this.#options.desired()[typeUrl];
    if (!ledger || !desired) return false;
    return this.#unsent(typeUrl) || (ledger.pending?.resources.size ?? 0) > 0 || ledger.missing(desired).length > 0;
  }

  /** Whether what comes after a type must wait for it; not for ever. */
  #blocked(typeUrl: TypeUrl): boolean {
    if (!this.#busy(typeUrl)) {
      this.#blockedSince.delete(typeUrl);
      return false;
    }
    this.#quietSince = undefined;
    const pending = this.#ledgers.get(typeUrl)?.pending;
    if (pending === undefined) return true;
    const since = this.#blockedSince.get(typeUrl) ?? pending.at;
    this.#blockedSince.set(typeUrl, since);
    const wait = Math.min(since, pending.at) + this.#options.gateMs - performance.now();
    if (wait > 0) {
      this.#wakeIn(wait);
      return true;
    }
    if (!this.#late.has(pending) && pending.at <= since) this.#options.late(typeUrl);
    this.#late.add(pending);
    return false;
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.push(), Math.ceil(ms));
    this.#timer.unref();
  }
}
