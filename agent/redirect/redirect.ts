import { join } from 'node:path';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { Recurrence } from '../../manager/model/util/recurrence.ts';
import { capturable } from './capturable.ts';
import { CapturedNamespace, OWN } from './captured-namespace.ts';
import { hostRuleset } from './host-ruleset.ts';
import { findTools, RedirectError, type Tools } from './nft.ts';
import { Presence } from './presence.ts';
import { probeKernel } from './probe.ts';
import type { KernelFeatures } from './ruleset.ts';
import type { HostCapture, NamespaceCapture } from './spec.ts';
import { namespaceAt, Table } from './table.ts';

/** Everything to capture on this host. */
export interface CapturePlan {
  readonly host: HostCapture;
  readonly namespaces: readonly NamespaceCapture[];
}

/** A user, a namespace or a workload that could not be captured; the rest was. */
export interface CaptureProblem {
  readonly where: string;
  readonly why: string;
}

interface Restorable {
  readonly path: string | undefined;
  restore(): Promise<boolean>;
}

export interface RedirectOptions {
  /** Where it remembers in which namespaces it left rules. */
  readonly stateDir: string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

const BEAT_MS = 1000;
/** What is enough to remove rules. */
const NO_FEATURES: KernelFeatures = { udpTimeouts: false };

/** The rules of one namespace are looked at in full so often. */
const BEATS_PER_CHECK = 15;

/** Rules that had to be put back so many times within so many minutes are told of: calls fail each time. */
const OFTEN = 3;
const OFTEN_MINUTES = 5;
const REMOVED = `someone removed or changed them ${OFTEN} times within ${OFTEN_MINUTES} minutes, and calls fail until they are back: see what flushes rules here, such as nftables.service, firewalld or iptables-restore`;

/**
 * Captures the traffic of workloads with one table of nftables in each network namespace concerned. The rules outlive this
 * process on purpose; `uninstall` removes them. Calls are carried out one after the other.
 */
export class Redirect {
  readonly #tools: Tools;
  readonly #stateFile: string;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #host: Table;
  readonly #namespaces = new Map<string, CapturedNamespace>();
  #kernel: Promise<KernelFeatures> | undefined;
  /** The paths in the file of them, sorted. */
  #remembered: readonly string[] | undefined;
  /** Why the last beat failed, by namespace. */
  #failed: ReadonlyMap<string, string> = new Map();
  /** How often rules were put back, by namespace. */
  readonly #restored = new Map<string, Recurrence>();
  #last: Promise<unknown> = Promise.resolve();

  /** @throws {RedirectError} when nftables, iproute2 or util-linux is not installed. */
  constructor(options: RedirectOptions) {
    this.#tools = findTools();
    this.#stateFile = join(options.stateDir, 'redirect.json');
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#host = new Table(this.#tools);
  }

  /**
   * Makes the rules those of the plan. What was established before goes on as it was. Costs nothing when nothing changed.
   * @returns the users and namespaces that could not be captured; a namespace that vanished is not among them.
   * @throws {RedirectError} when the host cannot capture (not root, a kernel without nat), or its own rules could not be set;
   * those before stay.
   */
  apply(plan: CapturePlan): Promise<readonly CaptureProblem[]> {
    return this.#inTurn(async () => {
      const kernel = await this.#probed();
      const { host, problems } = capturable(plan.host);
      await this.#host.apply(hostRuleset(host), host.virtualRanges);
      return [...problems, ...(await this.#applyNamespaces(plan.namespaces, kernel))];
    });
  }

  /**
   * Puts back rules that someone else removed (`nft flush ruleset` does), until the signal aborts. That DNS is captured is for others to
   * keep up: see `keepDnsCaptured`, and `NamespaceServers` for the namespaces.
   */
  async run(signal: AbortSignal): Promise<void> {
    // Whoever sets the first rules need not wait for this then, and is told what is wrong.
    this.#probed().catch(() => undefined);
    using presence = new Presence();
    for (let beat = 1; !signal.aborted; beat += 1) {
      try {
        await this.#inTurn(() => this.#beat(beat, presence));
      } catch (error) {
        this.#logger.error('cannot check the capture rules', { reason: messageOf(error) });
      }
      await this.#clock.sleep(BEAT_MS, signal).catch(() => undefined);
    }
  }

  /**
   * The name server that questions were sent to which arrive at a port inside a namespace; undefined when that is not known.
   * @param path of the namespace. @throws {RedirectError}
   */
  async askedServer(path: string, family: 4 | 6, port: number): Promise<string | undefined> {
    // Rules of an earlier life capture before this one sets its own.
    const namespace = this.#namespaces.get(path) ?? new CapturedNamespace(this.#tools, path);
    this.#namespaces.set(path, namespace);
    return namespace.askedServer(family, port);
  }

  /** What keeps rules from being in force, or takes them away again and again. */
  problems(): readonly CaptureProblem[] {
    const failed = [...this.#failed].map(([namespace, reason]) => ({
      where: `capture rules ${namespace}`,
      why: `cannot be checked or put back, which is tried again each second: ${reason}`,
    }));
    const removed = [...this.#restored].filter(([, restored]) => restored.isFrequent);
    return [...failed, ...removed.map(([namespace]) => ({ where: `capture rules ${namespace}`, why: REMOVED }))];
  }

  /** Has the rules of a namespace looked at within a second: they seem to be gone. */
  suspect(path: string): void {
    const namespace = this.#namespaces.get(path);
    if (namespace) namespace.suspect = true;
  }

  /**
   * Removes every rule and route, in this process's namespace and in those remembered. What others have is not touched.
   * @throws {RedirectError} that names the namespaces in which some are left; another call tries these again.
   */
  uninstall(): Promise<void> {
    return this.#inTurn(async () => {
      const problems = await this.#applyNamespaces([], NO_FEATURES);
      await this.#host.remove();
      if (problems.length === 0) return;
      const left = problems.map(({ where, why }) => `${where}: ${why}`).join('; ');
      throw new RedirectError(
        `Capture rules are left in network namespaces, and uninstall has to be run again: ${left}`,
      );
    });
  }

  /** What the kernel can do; after a failure it is tried again. */
  #probed(): Promise<KernelFeatures> {
    this.#kernel ??= probeKernel(this.#tools).catch((error: unknown) => {
      this.#kernel = undefined;
      throw error;
    });
    return this.#kernel;
  }

  async #applyNamespaces(captures: readonly NamespaceCapture[], kernel: KernelFeatures): Promise<CaptureProblem[]> {
    const paths = captures.map(capture => capture.path);
    const left = new Set([...(await this.#recall()), ...this.#namespaces.keys()]);
    await this.#remember([...left, ...paths]);
    const problems: CaptureProblem[] = [];
    for (const path of left) {
      if (!paths.includes(path)) await this.#forget(path, problems);
    }
    const own = namespaceAt(OWN);
    for (const capture of captures) {
      const { path } = capture;
      const namespace = this.#namespaces.get(path) ?? new CapturedNamespace(this.#tools, path);
      this.#namespaces.set(path, namespace);
      try {
        if (namespaceAt(path) === own)
          throw new Error("is the host's own network namespace: select its processes by user");
        await namespace.apply(capture, kernel);
      } catch (error) {
        problems.push({ where: path, why: messageOf(error) });
      }
    }
    await this.#remember(problems.length > 0 ? [...left, ...paths] : paths);
    return problems;
  }

  async #forget(path: string, problems: CaptureProblem[]): Promise<void> {
    try {
      await (this.#namespaces.get(path) ?? new CapturedNamespace(this.#tools, path)).remove();
      this.#namespaces.delete(path);
      this.#restored.delete(path);
    } catch (error) {
      problems.push({ where: path, why: messageOf(error) });
    }
  }

  /**
   * What must be seen soon is looked at each second; the rest in turn, so that the cost does not grow with the namespaces. One that fails
   * holds up no other.
   */
  async #beat(beat: number, presence: Presence): Promise<void> {
    const namespaces = [...this.#namespaces.values()];
    const suspects: Restorable[] = namespaces.filter(namespace => namespace.suspect);
    if (!(await presence.inForce(this.#host.virtualRanges))) suspects.push(this.#host);
    const all = [this.#host, ...namespaces];
    if (beat % BEATS_PER_CHECK === 0) suspects.push(all[(beat / BEATS_PER_CHECK) % all.length]!);
    const failed = new Map<string, string>();
    const each = async (path: string | undefined, work: () => Promise<unknown>): Promise<void> => {
      await work().catch((error: unknown) => failed.set(nameOf(path), messageOf(error)));
    };
    for (const one of suspects) await each(one.path, () => this.#restore(one));
    for (const one of namespaces) await each(one.path, () => one.retry());
    for (const [namespace, reason] of failed)
      if (this.#failed.get(namespace) !== reason)
        this.#logger.error('cannot check the capture rules', { namespace, reason });
    this.#failed = failed;
  }

  async #restore(one: Restorable): Promise<void> {
    if (!(await one.restore())) return;
    const namespace = nameOf(one.path);
    const restored = this.#restored.get(namespace) ?? new Recurrence(OFTEN, OFTEN_MINUTES * 60_000);
    this.#restored.set(namespace, restored);
    const isKnown = restored.isFrequent;
    restored.note();
    this.#logger[isKnown ? 'debug' : 'warn']('someone removed or changed the capture rules; they are back', {
      namespace,
    });
  }

  /** The namespaces in which rules were left. A file that is damaged must not keep all others from being captured, or freed. */
  async #recall(): Promise<readonly string[]> {
    if (this.#remembered !== undefined) return this.#remembered;
    try {
      const paths: unknown = JSON.parse((await readIfThere(this.#stateFile))?.toString() ?? '[]');
      if (!Array.isArray(paths) || !paths.every(path => typeof path === 'string'))
        throw new Error('not a list of paths');
      this.#remembered = paths;
      return paths;
    } catch (error) {
      const what =
        'it is not remembered in which namespaces rules were left; those of workloads that went meanwhile stay there';
      this.#logger.warn(what, { file: this.#stateFile, reason: messageOf(error) });
      return [];
    }
  }

  /** Where that fails, what a later life may leave behind counts for less than to capture now, and to let go. */
  async #remember(paths: readonly string[]): Promise<void> {
    const sorted = [...new Set(paths)].sort();
    const text = JSON.stringify(sorted);
    if (text === JSON.stringify(this.#remembered)) return;
    try {
      await writeAtomic(this.#stateFile, `${text}\n`);
      this.#remembered = sorted;
    } catch (error) {
      const reason = messageOf(error);
      this.#logger.warn('cannot remember in which namespaces rules are', { file: this.#stateFile, reason });
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return turn;
  }
}

function nameOf(path: string | undefined): string {
  return path ?? 'of the host';
}
