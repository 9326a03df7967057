import { isDeepStrictEqual } from 'node:util';
import type {
  HostReportAck,
  HostReportMessage,
  HostStatus,
  Rejection,
  ReportedWorkload,
} from '../model/proto/messages.ts';
import { canonicalAddress } from '../model/util/address.ts';
import type { Clock } from '../model/util/clock.ts';
import { type Logger, silentLogger } from '../model/util/log.ts';
import type { Host } from '../model/workload.ts';
import { boundedRejections, boundedStatus, checkHost } from './check-host.ts';
import { checkWorkload, Registered } from './check-workload.ts';
import { Claims } from './claims.ts';
import { Doubles } from './doubles.ts';
import { LEASE_MS, Leases } from './leases.ts';
import type { Member } from './members.ts';
import { RefusalError } from './refusal.ts';

/** Workloads that one host may report. */
const MAXIMUM_WORKLOADS = 2000;

/** A host as it last told of itself. */
export interface HostState {
  readonly host: Host;
  /** By uid. */
  readonly workloads: ReadonlyMap<string, ReportedWorkload>;
  readonly status: HostStatus | undefined;
  /** Workloads that it reported and that were left out. */
  readonly refused: readonly Rejection[];
  /** Whether it was heard of within the lease. */
  readonly alive: boolean;
  /** Whether its reports come from the address that it says is its own. */
  readonly proven: boolean;
  /** Milliseconds since 1970. */
  readonly lastHeard: number;
}

/** Hears of what changed about hosts. */
export interface HostListener {
  /** The workloads with these uids came, went, changed, or are reached otherwise. */
  workloadsChanged(host: string, uids: ReadonlySet<string>): void;
  /** A host came, or is somewhere else than it was, or has proven where it is. */
  hostArrived(state: HostState): void;
}

/** All hosts that ever reported and still belong to the mesh, and their leases. */
export class Hosts {
  readonly #clock: Clock;
  readonly #listener: HostListener;
  readonly #leases: Leases;
  readonly #logger: Logger;
  readonly #claims: Claims;
  readonly #doubles: Doubles;
  readonly #states = new Map<string, HostState>();
  /** Those of an earlier life that have not named their workloads in this one. */
  readonly #awaited = new Set<string>();
  readonly #allHeard = Promise.withResolvers<void>();

  constructor(clock: Clock, listener: HostListener, logger: Logger = silentLogger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#claims = new Claims(() => clock.now());
    this.#doubles = new Doubles(() => clock.now());
    this.#listener = listener;
    this.#leases = new Leases(clock, host => this.#setAlive(host, false));
  }

  get(host: string): HostState | undefined {
    return this.#states.get(host);
  }

  all(): IterableIterator<[string, HostState]> {
    return this.#states.entries();
  }

  /** The address of another host that this one claims in vain. */
  claimed(host: string): Rejection | undefined {
    return this.#claims.refused(host);
  }

  /** Set when two machines speak as this host by turns. */
  doubled(host: string): Rejection | undefined {
    return this.#doubles.found(host);
  }

  /** When the host's lease ends, milliseconds since 1970; undefined when it has ended. */
  leaseEnd(host: string): number | undefined {
    return this.#leases.endOf(host);
  }

  /** Watches over the leases until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#leases.run(signal);
  }

  /** Takes what was known before a restart. Each host that was alive gets a full lease to be heard of. */
  restore(host: string, state: HostState): void {
    this.#states.set(host, state);
    if (this.#claims.holder(state.host.network, state.host.address) === undefined) this.#claims.hold(state.host);
    if (state.alive) {
      this.#leases.renew(host);
      this.#awaited.add(host);
    }
    this.#listener.hostArrived(state);
    this.#listener.workloadsChanged(host, new Set(state.workloads.keys()));
  }

  /** Resolves when all hosts that were restored have named their workloads again, or are lost. Call it once they are restored. */
  heard(): Promise<void> {
    if (this.#awaited.size === 0) this.#allHeard.resolve();
    return this.#allHeard.promise;
  }

  /**
   * Takes a report.
   * @param observed the address that the report came from.
   * A workload that is refused is as it was, if it may still be that. Workloads that it leaves out are as they were: an agent that starts
   * does not know them at once.
   * @throws {RefusalError} when the first report of a host leaves out what it is, or it claims the address of another.
   */
  report(member: Member, message: HostReportMessage, observed: string): HostReportAck {
    const before = this.#states.get(member.name);
    if (!before && !message.host) throw new RefusalError('message-invalid', 'the first report must name the host');
    const host = message.host ? this.#hostOf(member, message.host, observed) : before!.host;
    const proven = host.address === observed;
    this.#claim(host, proven);
    const doubled = this.#doubles.look(member.name, host.address, message.status);
    if (doubled !== undefined) this.#logger.warn(doubled, { host: member.name });
    const checked = message.workloads && this.#check(member, host, message.workloads, before?.workloads);
    const after: HostState = {
      host: isDeepStrictEqual(host, before?.host) ? before!.host : host,
      workloads: checked?.workloads ?? before?.workloads ?? new Map(),
      status: message.status ? boundedStatus(message.status) : before?.status,
      refused: checked?.refused ?? before?.refused ?? [],
      alive: true,
      proven,
      lastHeard: this.#clock.now(),
    };
    this.#states.set(member.name, after);
    this.#leases.renew(member.name);
    if (after.host !== before?.host || after.proven !== before.proven) this.#listener.hostArrived(after);
    const changed = changedWorkloads(before, after);
    if (changed.size > 0) this.#listener.workloadsChanged(member.name, changed);
    if (message.workloads) this.#noLongerAwait(member.name);
    return { sequence: message.sequence, leaseMs: LEASE_MS, observedAddress: observed, refused: after.refused };
  }

  /** Forgets a host that no longer belongs to the mesh. */
  remove(host: string): void {
    const state = this.#states.get(host);
    this.#states.delete(host);
    this.#leases.drop(host);
    this.#claims.release(host);
    this.#doubles.forget(host);
    this.#noLongerAwait(host);
    if (state) this.#listener.workloadsChanged(host, new Set(state.workloads.keys()));
  }

  /**
   * An address is that of the host which says so first. Only one whose reports come from there can take it from a host that is lost, or
   * whose reports come from elsewhere: so that nobody gets the calls of another by saying its address.
   * @throws {RefusalError}
   */
  #claim(host: Host, proven: boolean): void {
    const { name, network, address } = host;
    const holder = this.#claims.holder(network, address);
    const state = holder === undefined || holder === name ? undefined : this.#states.get(holder);
    if (state && (!proven || (state.alive && state.proven))) {
      const reason = `host "${name}" says that it is at ${address}, which is the address of host "${holder}"; correct "address" in the agent.yaml of the one that is wrong, or: isthmus hosts remove ${holder}`;
      this.#claims.refuse(host, holder!, reason);
      throw new RefusalError('address-taken', reason);
    }
    if (state) this.#yield(holder!, state, name);
    this.#claims.hold(host);
  }

  /** A host loses its address to another, and with it its workloads, until it says a better one. */
  #yield(loser: string, state: HostState, winner: string): void {
    this.#logger.warn('a host is at the address of another, which it takes over', {
      address: state.host.address,
      host: winner,
      from: loser,
    });
    this.#claims.release(loser);
    this.#leases.drop(loser);
    this.#noLongerAwait(loser);
    this.#states.set(loser, { ...state, alive: false, workloads: new Map(), refused: [] });
    this.#listener.workloadsChanged(loser, new Set(state.workloads.keys()));
  }

  /** One less to be heard of. */
  #noLongerAwait(host: string): void {
    if (this.#awaited.delete(host) && this.#awaited.size === 0) this.#allHeard.resolve();
  }

  #setAlive(host: string, alive: boolean): void {
    if (!alive) this.#noLongerAwait(host);
    const state = this.#states.get(host);
    if (!state || state.alive === alive) return;
    this.#states.set(host, { ...state, alive });
    this.#listener.workloadsChanged(host, new Set(state.workloads.keys()));
  }

  /** The name is that of the certificate, whatever the message says; an address that is none is what we see it at. */
  #hostOf(member: Member, host: Host, observed: string): Host {
    checkHost(host);
    return { ...host, name: member.name, address: canonicalAddress(host.address) ?? observed };
  }

  #check(
    member: Member,
    host: Host,
    reported: readonly ReportedWorkload[],
    before: HostState['workloads'] = new Map(),
  ): { readonly workloads: ReadonlyMap<string, ReportedWorkload>; readonly refused: readonly Rejection[] } {
    const workloads = new Map<string, ReportedWorkload>();
    const refused: Rejection[] = [];
    const registered = new Registered();
    const foreign = (address: string): string | undefined => {
      const holder = this.#claims.holder(host.network, address);
      return holder === member.name ? undefined : holder;
    };
    const add = (workload: ReportedWorkload): string | undefined => {
      const reason =
        workloads.size >= MAXIMUM_WORKLOADS
          ? `a host may have ${MAXIMUM_WORKLOADS} workloads`
          : (checkWorkload(workload, member, foreign) ?? registered.add(workload));
      if (reason === undefined) workloads.set(workload.uid, workload);
      return reason;
    };
    for (const workload of reported) {
      const { uid, policyRevision } = workload;
      const reason = add(workload);
      if (reason === undefined) continue;
      const was = before.get(uid);
      const stays = was && add({ ...was, policyRevision }) === undefined;
      refused.push({ resource: uid, reason: stays ? `${reason}; what it was before stays` : reason, origins: [] });
    }
    return { workloads, refused: boundedRejections(refused) };
  }
}

/** Uids of the workloads that callers may see otherwise than before. */
function changedWorkloads(before: HostState | undefined, after: HostState): Set<string> {
  const changed = new Set<string>();
  const all = !before?.alive || before.host !== after.host;
  if (!all && before.workloads === after.workloads) return changed;
  for (const [uid, workload] of after.workloads)
    if (all || !isDeepStrictEqual(before.workloads.get(uid), workload)) changed.add(uid);
  for (const uid of before?.workloads.keys() ?? []) if (all || !after.workloads.has(uid)) changed.add(uid);
  return changed;
}
