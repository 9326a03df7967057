import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { PlatformProblem } from '../../platforms/platform.ts';
import type { Admitted } from '../compile/admitted.ts';
import type { HostInput } from '../compile/input.ts';
import { namespaceLink } from '../compile/names.ts';
import { type AdmittedLog, endsOf } from './admitted-log.ts';
import { type JudgedPort, judgedPorts } from './judged-ports.ts';
import { localCallers } from './local-callers.ts';
import type { Sockets, TcpConnection } from './sockets.ts';

export interface RevocationOptions {
  /** What the host knows; its workloads are those in the mesh. */
  readonly input: () => HostInput;
  /** Revision of the policy that Envoy has in force, by uid. */
  readonly inForce: () => ReadonlyMap<string, string>;
  readonly log: Pick<AdmittedLog, 'read' | 'bound'>;
  readonly sockets: Pick<Sockets, 'list' | 'end'>;
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

/** A connection that stands. */
interface Standing {
  /** Path of the network namespace in which it lies; undefined is the host. */
  readonly place: string | undefined;
  readonly connection: TcpConnection;
}

/** One that policy refuses now. */
interface Refused extends Standing {
  readonly port: JudgedPort;
  readonly source: string;
}

/**
 * Ends the connections that stand and that a policy refuses which came into force later. Envoy judges a connection when it is made and has
 * no means to judge it again, so its own ends to the workloads are closed in the kernel.
 */
export class Revocation {
  readonly #options: RevocationOptions;
  #ports: ReadonlyMap<string, JudgedPort> = new Map();
  #known: readonly unknown[] = [];
  /** Whether other policies came into force since they were looked at. */
  #due = false;
  #wake: () => void = () => undefined;
  /** When HTTP ports are due, as `performance.now()` tells time. */
  #httpDue: number | undefined;
  #problems: readonly PlatformProblem[] = [];

  constructor(options: RevocationOptions) {
    this.#options = options;
  }

  /** To be called when other policies came into force. What an earlier life of the agent left undone is done after the first call. */
  changed(): void {
    const { input, inForce } = this.#options;
    const revisions = inForce();
    const known = input();
    const workloads = known.workloads.filter(
      ({ local, policy }) => policy?.revision === revisions.get(local.workload.uid),
    );
    const policies = workloads.flatMap(({ local, policy }) => [local, policy]);
    if (policies.length === this.#known.length && policies.every((each, index) => each === this.#known[index])) return;
    this.#known = policies;
    this.#ports = judgedPorts(workloads, known);
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
      const wait = Math.max(0, Math.min(boundMs, (this.#httpDue ?? Infinity) - performance.now()));
      if (!this.#due) await this.#sleep(wait, signal);
      if (signal.aborted) return;
      const woken = this.#due;
      this.#due = false;
      if (woken) this.#httpDue ??= performance.now() + graceMs;
      const late = this.#httpDue !== undefined && performance.now() >= this.#httpDue;
      if (late) this.#httpDue = undefined;
      try {
        if (woken || late) await this.#revoke(late, signal);
      } catch (error) {
        if (signal.aborted) return;
        const why = `cannot end those that policy refuses now: ${messageOf(error)}`;
        this.#problems = [{ where: 'connections', why }];
        logger.error('cannot end connections that policy refuses now', { reason: messageOf(error) });
        this.#httpDue = performance.now() + boundMs;
      }
      if (this.#known.length > 0) await this.#options.log.bound(() => this.#allOpen());
    }
  }

  /** Resolves after so long, or when {@link changed} has something to do, or when the signal aborts. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    this.#wake = () => over.abort();
    await delay(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => undefined);
  }

  async #revoke(http: boolean, signal: AbortSignal): Promise<void> {
    const ports = this.#ports;
    const guarded = [...ports.values()].filter(port => port.guarded);
    const open = await this.#open(new Set(guarded.map(({ place }) => place)));
    const last = open.size > 0 ? await this.#admitted(signal) : new Map<string, Admitted>();
    const refused = [...last].flatMap(([key, admitted]): Refused[] => {
      const [standing, port] = [open.get(key), ports.get(admitted.cluster)];
      if (!standing || !port?.refuses(admitted) || (port.http && !http)) return [];
      return [{ port, ...standing, source: admitted.source ?? 'callers without identity' }];
    });
    const unjudged = [...open].flatMap(([key, { place, connection }]) =>
      place === undefined && !last.has(key) ? [connection.remote] : [],
    );
    const reached = new Set(unjudged);
    for (const port of guarded)
      if ((!port.http || http) && !reached.isDisjointFrom(port.ends)) refused.push(...(await this.#callsTo(port)));
    const problems: PlatformProblem[] = [];
    for (const [place, some] of Map.groupBy(refused, ({ place }) => place))
      problems.push(...(await this.#end(place, some)));
    this.#problems = problems;
  }

  /** Envoy's connections. */
  async #open(places: ReadonlySet<string | undefined>): Promise<ReadonlyMap<string, Standing>> {
    const open = new Map<string, Standing>();
    for (const place of places)
      for (const connection of await this.#options.sockets.list(place))
        open.set(keyOf(place, connection), { place, connection });
    return open;
  }

  /** Who was let in, also by connections that were made just now. */
  async #admitted(signal: AbortSignal): Promise<ReadonlyMap<string, Admitted>> {
    const { log, flushMs } = this.#options;
    await delay(flushMs, undefined, { signal });
    const last = new Map<string, Admitted>();
    for (const admitted of await log.read()) {
      const port = this.#ports.get(admitted.cluster);
      if (port) last.set(keyOf(port.place, admitted), admitted);
    }
    return last;
  }

  /**
   * Connections to a port that nobody judged, as all of this host were let in when they were made, do not tell whose they are. Those whom
   * policy refuses now lose all that they have with the services through which they may have come.
   */
  async #callsTo(port: JudgedPort): Promise<readonly Refused[]> {
    const { input, sockets } = this.#options;
    const refused: Refused[] = [];
    for (const { source, place, ends } of localCallers(input(), port)) {
      if (!port.refuses({ source })) continue;
      const calls = (await sockets.list(place)).filter(({ local }) => ends.has(local));
      refused.push(...calls.map(connection => ({ port, place, connection, source })));
    }
    return refused;
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
      where: `workload ${port.workload}`,
      why: `${count} connections of ${source} to port ${port.number} are refused by policy and stand all the same, as this kernel ends none (CONFIG_INET_DIAG_DESTROY); restart the workload to end them`,
    }));
  }

  async #allOpen(): Promise<ReadonlySet<string>> {
    const { workloads, settings } = this.#options.input();
    const places = new Set([undefined, ...workloads.map(({ local }) => namespaceLink(settings.namespaces, local))]);
    return new Set([...(await this.#open(places)).values()].map(({ connection }) => endsOf(connection)));
  }
}

function keyOf(place: string | undefined, ends: Pick<TcpConnection, 'local' | 'remote'>): string {
  return `${place ?? ''} ${endsOf(ends)}`;
}

function counted(refused: readonly Refused[]): { port: JudgedPort; source: string; count: number }[] {
  const groups = Map.groupBy(refused, ({ port, source }) => `${port.workload} ${port.number} ${source}`);
  return [...groups.values()].map(some => ({ ...some[0]!, count: some.length }));
}
