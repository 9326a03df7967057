import type { Clock } from '../../manager/model/util/clock.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { LocalWorkload, PlatformProblem } from '../../platforms/platform.ts';
import { HBONE } from '../compile/hbone.ts';
import { addressWithPort, appCluster } from '../compile/names.ts';
import type { ClusterPlace, EnvoyAdmin } from '../envoy/admin.ts';
import { isListenedOn, whyNoConnection } from './checks.ts';
import { Failures } from './failures.ts';

export interface ReachOptions {
  readonly admin: Pick<EnvoyAdmin, 'stats' | 'places'>;
  /** Address of this host. */
  readonly address: string;
  /** The workloads of this host. */
  readonly workloads: () => readonly LocalWorkload[];
  readonly logger: Logger;
  readonly clock: Clock;
  /** From one look to the next, milliseconds. */
  readonly everyMs?: number;
}

/** Something that calls from this host or to it need. */
interface Needed {
  /** For messages. */
  readonly where: string;
  /** Whether only TLS can be at fault where connections come about. */
  readonly tls: boolean;
  /** Why calls cannot get there; undefined when they can. */
  readonly check: (signal: AbortSignal) => Promise<string | undefined>;
}

interface Suspect {
  readonly needed: Needed;
  /** When a connection failed last, milliseconds of `performance.now()`. */
  failedAt: number;
  /** Looks, one after the other, at which connections had failed though one could be made. */
  odd: number;
  /** Undefined while it is not sure that anything is wrong. */
  why: string | undefined;
}

const EVERY_MS = 5_000;
/** A workload that did not listen, or a firewall, is checked until it is well; after so long that nobody was called there it is let be, milliseconds. */
const CALLED_MS = 300_000;
/** What a check does not show is over after so long without a failure, milliseconds. */
const ODD_MS = 30_000;
/** Odd looks before it is told of: one may have come in between. */
const ODD_LOOKS = 2;
/** So many places are checked at once; the others when they fail again. */
const MOST_SUSPECTS = 50;

/**
 * Finds out why calls fail though all config is in force: a port that is closed between hosts, a program that does not run, clocks that
 * differ. What Envoy could not connect to is checked by the agent itself; so nothing is told of what nobody calls, nor of what is well again.
 */
export class Reach {
  readonly #options: ReachOptions;
  readonly #failures: Failures;
  readonly #suspects = new Map<string, Suspect>();

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#failures = new Failures(options.admin);
  }

  /** What calls cannot reach now, and why. */
  problems(): readonly PlatformProblem[] {
    return [...this.#suspects.values()].flatMap(({ needed: { where }, why }) =>
      why === undefined ? [] : { where, why },
    );
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, everyMs = EVERY_MS, logger } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      // An Envoy that does not answer is told of elsewhere.
      const failed = await this.#failures.next(signal).catch(() => []);
      await this.#look(failed, signal).catch((error: unknown) => {
        if (!signal.aborted) logger.warn('cannot find out why connections fail', { reason: messageOf(error) });
      });
    }
  }

  async #look(failed: readonly ClusterPlace[], signal: AbortSignal): Promise<void> {
    const now = performance.now();
    for (const place of failed) {
      const needed = this.#neededOf(place);
      const known = this.#suspects.get(needed.where);
      if (known) known.failedAt = now;
      else if (this.#suspects.size < MOST_SUSPECTS)
        this.#suspects.set(needed.where, { needed, failedAt: now, odd: 0, why: undefined });
    }
    await Promise.all([...this.#suspects.values()].map(suspect => this.#check(suspect, now, signal)));
  }

  async #check(suspect: Suspect, now: number, signal: AbortSignal): Promise<void> {
    const { needed, why: before, failedAt } = suspect;
    const found = await needed.check(signal);
    if (signal.aborted) return;
    if (found === undefined && failedAt === now) suspect.odd += 1;
    // Once told of, it is so until ODD_MS have passed: who calls may do so seldom.
    else if (suspect.odd < ODD_LOOKS) suspect.odd = 0;
    const isOdd = found === undefined && needed.tls && suspect.odd >= ODD_LOOKS;
    suspect.why = found ?? (isOdd ? TLS_FAILS : undefined);
    const isOver = now - failedAt > (found === undefined ? ODD_MS : CALLED_MS);
    if (isOver || (found === undefined && !needed.tls)) this.#suspects.delete(needed.where);
    this.#log(needed.where, before, isOver ? undefined : suspect.why);
  }

  #log(where: string, before: string | undefined, why: string | undefined): void {
    const { logger } = this.#options;
    if (why !== undefined && before === undefined) logger.warn('calls fail', { where, why });
    if (why === undefined && before !== undefined) logger.info('calls fail no more', { where });
  }

  #neededOf({ cluster, address, port }: ClusterPlace): Needed {
    const at = addressWithPort(address, port);
    if (cluster === HBONE)
      return { where: `host at ${at}`, tls: true, check: signal => unreachable(address, port, NO_TUNNEL, signal) };
    const local = this.#options.workloads().find(each => this.#hasPort(each, cluster, address, port));
    if (local === undefined)
      return {
        where: `instance at ${at}`,
        tls: false,
        check: signal => unreachable(address, port, NO_INSTANCE, signal),
      };
    const namespace = local.selector.kind === 'namespace' ? local.selector.path : undefined;
    return {
      where: `port ${port} of workload ${local.workload.uid}`,
      tls: false,
      check: async () => ((await isListenedOn(port, namespace)) ? undefined : NO_PROGRAM),
    };
  }

  /** A workload is dialled at its own cluster, or at once, as the instance that it is. */
  #hasPort({ workload }: LocalWorkload, cluster: string, address: string, port: number): boolean {
    if (cluster === appCluster(workload.uid, port)) return true;
    const own = workload.addresses.length > 0 ? workload.addresses : [this.#options.address];
    return !cluster.startsWith('app|') && own.includes(address) && workload.ports.some(({ number }) => number === port);
  }
}

const NO_TUNNEL = 'see that it is up, that no firewall between is in the way, and what isthmus agent status says there';
const NO_INSTANCE = 'it has no agent, and is called where a registry lists it: see that it is up, or take it out there';
const NO_PROGRAM =
  'no program listens there, and calls to it fail: start it, or mend the port in the file of the workload';
const TLS_FAILS =
  'it takes connections, and TLS with it fails: compare the clocks of both hosts (date), and see what isthmus agent status says there';

async function unreachable(
  address: string,
  port: number,
  advice: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const why = await whyNoConnection(address, port, signal);
  return why === undefined ? undefined : `cannot be reached from this host: ${why}; ${advice}`;
}
