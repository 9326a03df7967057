import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { PlatformProblem } from '../../platforms/platform.ts';
import type { Admitted } from '../compile/admitted.ts';
import type { WorkloadInput } from '../compile/input.ts';
import { namespaceLink } from '../compile/names.ts';
import { type AdmittedLog, endsOf } from './admitted-log.ts';
import { type JudgedPort, judgedPorts } from './judged-ports.ts';
import type { Sockets, TcpConnection } from './sockets.ts';

export interface RevocationOptions {
  /** The workloads of the mesh on this host. */
  readonly workloads: () => readonly WorkloadInput[];
  /** Revision of the policy that Envoy has in force, by uid. */
  readonly inForce: () => ReadonlyMap<string, string>;
  readonly log: Pick<AdmittedLog, 'read' | 'bound'>;
  readonly sockets: Pick<Sockets, 'list' | 'end'>;
  /** Folder of links to the namespaces of workloads. */
  readonly namespaces: string;
  /** After so long what Envoy notes can be read, milliseconds. */
  readonly flushMs: number;
  readonly logger: Logger;
  readonly graceMs?: number;
  readonly boundMs?: number;
}

/**
 * HTTP callers have so long to move to connections on which a refusal is told in HTTP, milliseconds. What stands then is a stream
 * that does not end, or a caller that holds on to what it has.
 */
const GRACE_MS = 15_000;
/** How often the list of connections is looked at for its size, milliseconds. */
const BOUND_MS = 10_000;

/** A connection that policy refuses now. */
interface Refused {
  readonly port: JudgedPort;
  readonly connection: TcpConnection;
  readonly source: string;
}

/**
 * Ends the connections that stand and that a policy refuses which came into force later; no other. Envoy judges a connection when it is
 * made and has no means to judge it again, so its own ends to the workloads are closed in the kernel.
 */
export class Revocation {
  readonly #options: RevocationOptions;
  #ports: ReadonlyMap<string, JudgedPort> = new Map();
  #known: readonly unknown[] = [];
  /** Whether other policies came into force since they were looked at. */
  #due = false;
  #wake: () => void = () => undefined;
  /** When HTTP ports are due, as `performance.now()` tells time; of several changes each in its turn. */
  #httpDue: number[] = [];
  /** A look that failed is made again: when, by the same clock, and whether it was one at HTTP ports too. */
  #again: { readonly at: number; readonly http: boolean } | undefined;
  #problems: readonly PlatformProblem[] = [];

  constructor(options: RevocationOptions) {
    this.#options = options;
  }

  /** To be called when other policies came into force. What an earlier life of the agent left undone is done after the first call. */
  changed(): void {
    const { workloads: all, inForce, namespaces } = this.#options;
    const revisions = inForce();
    const workloads = all().filter(({ local, policy }) => policy?.revision === revisions.get(local.workload.uid));
    const policies = workloads.flatMap(({ local, policy }) => [local, policy]);
    if (policies.length === this.#known.length && policies.every((each, index) => each === this.#known[index])) return;
    this.#known = policies;
    this.#ports = judgedPorts(workloads, namespaces);
    this.#due = true;
    this.#wake();
  }

  /** What could not be ended. */
  problems(): readonly PlatformProblem[] {
    return this.#problems;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { graceMs = GRACE_MS, boundMs = BOUND_MS, logger } = this.#options;
    while (!signal.aborted) {
      if (!this.#due) await this.#sleep(this.#waitMs(boundMs), signal);
      if (signal.aborted) return;
      const woken = this.#due;
      this.#due = false;
      if (woken) this.#comesDue(graceMs);
      const again = this.#takeAgain();
      const http = this.#isLate() || again?.http === true;
      try {
        if (woken || http || again) await this.#revoke(http, signal);
      } catch (error) {
        if (signal.aborted) return;
        const why = `cannot end those that it refuses now: ${messageOf(error)}`;
        this.#problems = [{ where: 'policy of connections that stand', why }];
        logger.error('cannot end connections that policy refuses now', { reason: messageOf(error) });
        this.#again = { at: performance.now() + boundMs, http };
      }
      if (this.#known.length > 0) await this.#options.log.bound(() => this.#allOpen());
    }
  }

  #waitMs(boundMs: number): number {
    const due = Math.min(this.#httpDue[0] ?? Infinity, this.#again?.at ?? Infinity);
    return Math.max(0, Math.min(boundMs, due - performance.now()));
  }

  /** The look that is to be made again, once it is time. */
  #takeAgain(): { readonly http: boolean } | undefined {
    const again = this.#again;
    if (again === undefined || again.at > performance.now()) return undefined;
    this.#again = undefined;
    return again;
  }

  /** Of many changes the first and the last count: whatever changed in between is looked at with the last. */
  #comesDue(ms: number): void {
    this.#httpDue = [...this.#httpDue.slice(0, 1), performance.now() + ms];
  }

  #isLate(): boolean {
    const before = this.#httpDue.length;
    this.#httpDue = this.#httpDue.filter(due => due > performance.now());
    return this.#httpDue.length < before;
  }

  /** Resolves after so long, or when {@link changed} has something to do, or when the signal aborts. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    this.#wake = () => over.abort();
    await delay(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => undefined);
  }

  async #revoke(http: boolean, signal: AbortSignal): Promise<void> {
    const { sockets, log, flushMs } = this.#options;
    const ports = this.#ports;
    const open = new Map<string, TcpConnection>();
    const guarded = [...ports.values()].filter(port => port.guarded);
    for (const place of new Set(guarded.map(({ place }) => place)))
      for (const connection of await sockets.list(place)) open.set(keyOf(place, connection), connection);
    if (open.size > 0) {
      // By then each of these is in the list.
      await delay(flushMs, undefined, { signal });
    }
    const last = new Map<string, Admitted>();
    for (const admitted of open.size > 0 ? await log.read() : []) {
      const port = ports.get(admitted.cluster);
      if (port) last.set(keyOf(port.place, admitted), admitted);
    }
    const refused = [...last].flatMap(([key, admitted]): Refused[] => {
      const [connection, port] = [open.get(key), ports.get(admitted.cluster)];
      if (!connection || !port?.refuses(admitted) || (port.http && !http)) return [];
      return [{ port, connection, source: admitted.source ?? 'callers without identity' }];
    });
    const problems: PlatformProblem[] = [];
    for (const [place, some] of Map.groupBy(refused, ({ port }) => port.place))
      problems.push(...(await this.#end(place, some)));
    this.#problems = problems;
  }

  async #end(place: string | undefined, refused: readonly Refused[]): Promise<PlatformProblem[]> {
    const { sockets, logger } = this.#options;
    const stand = async (some: readonly Refused[]): Promise<Refused[]> => {
      const inodes = new Map((await sockets.list(place)).map(each => [endsOf(each), each.inode]));
      return some.filter(({ connection }) => inodes.get(endsOf(connection)) === connection.inode);
    };
    const standing = await stand(refused);
    await sockets.end(
      place,
      standing.map(({ connection }) => connection),
    );
    const left = standing.length === 0 ? [] : await stand(standing);
    const ended = counted(standing.filter(each => !left.includes(each)));
    for (const { port, source, count } of ended)
      logger.info('ended connections that policy refuses now', {
        workload: port.workload,
        port: port.number,
        source,
        connections: count,
      });
    return counted(left).map(({ port, source, count }) => ({
      where: `policy of workload ${port.workload}`,
      why: `${count} connections of ${source} to port ${port.number} are refused by policy and stand all the same, as this kernel ends none (CONFIG_INET_DIAG_DESTROY); restart the workload to end them`,
    }));
  }

  async #allOpen(): Promise<ReadonlySet<string>> {
    const { workloads, namespaces, sockets } = this.#options;
    const places = new Set([undefined, ...workloads().map(({ local }) => namespaceLink(namespaces, local))]);
    const open = new Set<string>();
    for (const place of places) for (const connection of await sockets.list(place)) open.add(endsOf(connection));
    return open;
  }
}

function keyOf(place: string | undefined, ends: Pick<TcpConnection, 'local' | 'remote'>): string {
  return `${place ?? ''} ${endsOf(ends)}`;
}

function counted(refused: readonly Refused[]): { port: JudgedPort; source: string; count: number }[] {
  const groups = Map.groupBy(refused, ({ port, source }) => `${port.workload} ${port.number} ${source}`);
  return [...groups.values()].map(some => ({ ...some[0]!, count: some.length }));
}
