import { PORTS } from '../redirect/spec.ts';

/**
 * Which outbound port belongs to which workload. A workload keeps its port for good, also over restarts and while it is away:
 * the port is part of its identity, so it goes to another only when all others are taken, longest-away first. Only where a program has
 * it, when the workload comes back or Envoy cannot listen there, does that get another one, or when it is another user from now on.
 */
export class OutboundPorts {
  readonly #ports: Map<string, number>;
  readonly #first: number;
  readonly #last: number;
  /** Who had a port when they were assigned last. */
  #present: ReadonlySet<string> = new Set();

  /** @param remembered what `toJSON` gave in an earlier life; entries outside of the range, or for a port twice, are dropped. */
  constructor(
    remembered: Readonly<Record<string, number>> = {},
    first: number = PORTS.firstListener,
    last: number = PORTS.lastListener,
  ) {
    this.#first = first;
    this.#last = last;
    this.#ports = new Map();
    const taken = new Set<number>();
    for (const [uid, port] of Object.entries(remembered)) {
      if (!Number.isInteger(port) || port < first || port > last || taken.has(port)) continue;
      taken.add(port);
      this.#ports.set(uid, port);
    }
  }

  /**
   * The port of each workload, but of those for whom none is left.
   * @param uids all workloads of now; their order does not matter.
   * @param others ports that nobody is given, but keeps who is there, and who would have none instead; asked for when somebody comes, or
   * comes back. All come back the first time.
   */
  assign(uids: readonly string[], others: () => ReadonlySet<number> = () => new Set()): ReadonlyMap<string, number> {
    const wanted = new Set(uids);
    const assigned = new Map<string, number>();
    const stays = (uid: string): boolean => this.#ports.has(uid) && this.#present.has(uid);
    const avoided = uids.every(stays) ? new Set<number>() : others();
    for (const uid of [...wanted].sort()) {
      const before = this.#ports.get(uid);
      const keeps = before !== undefined && (stays(uid) || !avoided.has(before));
      const port = keeps ? before : (this.#free(wanted, avoided) ?? before);
      if (port === undefined) continue;
      this.#ports.delete(uid);
      this.#ports.set(uid, port);
      assigned.set(uid, port);
    }
    this.#present = wanted;
    return assigned;
  }

  /** Envoy could not listen for these workloads: whether others have their ports counts anew. @returns whether one of them has a port. */
  doubt(uids: readonly string[]): boolean {
    this.#present = this.#present.difference(new Set(uids));
    return uids.some(uid => this.#ports.has(uid));
  }

  /** The workload gets another port than it has: what came through the old one must not go on in its name. */
  move(uid: string): void {
    const before = this.#ports.get(uid);
    if (before === undefined) return;
    const port = this.#free(new Set(this.#ports.keys()), new Set());
    if (port !== undefined) this.#ports.set(uid, port);
    this.#present = this.#present.difference(new Set([uid]));
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#ports);
  }

  #free(wanted: ReadonlySet<string>, avoided: ReadonlySet<number>): number | undefined {
    const taken = new Set(this.#ports.values());
    for (let port = this.#first; port <= this.#last; port += 1) {
      if (!taken.has(port) && !avoided.has(port)) return port;
    }
    for (const [uid, port] of this.#ports) {
      if (wanted.has(uid) || avoided.has(port)) continue;
      this.#ports.delete(uid);
      return port;
    }
    return undefined;
  }
}
