import { debounce } from '../manager/model/util/debounce.ts';
import { messageOf } from '../manager/model/util/errors.ts';
import { rerun } from '../manager/model/util/rerun.ts';
import type { Workload } from '../manager/model/workload.ts';
import type { LocalWorkload } from '../platforms/platform.ts';
import { Capturing, type CapturingOptions } from './capturing.ts';
import { Compiler } from './compile/compile.ts';
import type { HostSettings, Problem, WorkloadInput } from './compile/input.ts';
import type { AdsServer } from './envoy/ads/server.ts';
import type { Gaps } from './gaps.ts';
import type { HostProxy } from './host-proxy.ts';
import type { Knowledge } from './knowledge.ts';
import type { Member } from './members.ts';
import type { AgentOptions } from './options.ts';
import { Roster, type RosterOptions } from './roster.ts';
import type { Callers } from './state/callers.ts';

/** What the host is brought from, and to. */
export interface ConvergeOptions extends CapturingOptions, RosterOptions {
  readonly agent: CapturingOptions['agent'] & Pick<AgentOptions, 'host'>;
  readonly knowledge: Knowledge;
  readonly gaps: Pick<Gaps, 'open'>;
  readonly ads: Pick<AdsServer, 'applied' | 'expect' | 'status' | 'update'>;
  readonly settings: HostSettings;
  readonly callers: Callers;
  readonly proxy: Pick<HostProxy, 'confined' | 'ensure' | 'fresh' | 'mayBeOld' | 'status'>;
  /** Workloads of the host came, went or changed. */
  readonly onMembers: () => void;
  /** Other identities than before may call from here: who remembers them has to look. */
  readonly onCallers: () => void;
  /** What is in force on this host changed. */
  readonly onInForce: () => void;
}

/** A burst of changes becomes one round: it begins this long after the last of them, and no later than that after the first. */
const QUIET_MS = 2;
const CEILING_MS = 20;
/** Envoy was asked, and has not named its listeners yet: look again after so long, milliseconds. */
const SETTLE_MS = 50;
/** After an error the next round comes by itself, milliseconds. */
const RETRY_MS = 2_000;
/** No timer is longer. */
const DAY_MS = 86_400_000;

/**
 * Brings the host to what is known: first Envoy's config, then, once Envoy stands ready, the kernel's rules; in the other order where
 * something leaves. Both are level-triggered: each round looks at everything, and what did not change costs next to nothing.
 */
export class Converge {
  readonly #options: ConvergeOptions;
  readonly #compiler = new Compiler();
  readonly #roster: Roster;
  readonly #capturing: Capturing;
  readonly #config = rerun(
    () => this.#configure(),
    error => {
      this.#unconfigured = messageOf(error);
      this.#fail('cannot configure Envoy; what it has stays')(error);
    },
  );
  readonly #capture = rerun(() => this.#captureReady(), this.#fail('cannot set the capture rules; those before stay'));
  readonly #soon = debounce(() => void this.#config.call(), QUIET_MS, CEILING_MS);
  /** All of the host; undefined until the platforms have said what runs here. */
  #workloads: readonly LocalWorkload[] | undefined;
  #joined: readonly Member[] = [];
  #problems: readonly Problem[] = [];
  #settled: unknown;
  #retry: NodeJS.Timeout | undefined;
  /** Until somebody who left counts no more. */
  #leaving: NodeJS.Timeout | undefined;
  /** Why the last round came to nothing. */
  #unconfigured: string | undefined;
  /** Whether Envoy was given config in this life. */
  #given = false;

  constructor(options: ConvergeOptions) {
    this.#options = options;
    this.#capturing = new Capturing(options);
    this.#roster = new Roster(options);
  }

  /**
   * All workloads of the host. Resolves when Envoy was given what follows from them.
   * @param waiting those that may come: they get certificates too, and are who they were in the mesh before.
   */
  async workloads(workloads: readonly LocalWorkload[], waiting: readonly Workload[] = []): Promise<void> {
    // It begins while certificates are read and its config is made. What goes wrong is told by the round that waits for it.
    void this.#proxyFor(workloads).catch(() => undefined);
    // Not before their certificates are read from disk: a round in between would take them for workloads that have none.
    if (!(await this.#roster.want(workloads, waiting))) return;
    this.#workloads = workloads;
    await this.#config.call();
  }

  /** Something that the config follows from changed. */
  changed(): void {
    this.#soon.call();
  }

  /** Envoy took what it had refused: who waited for that can be captured, and a policy be in force. */
  mended(): void {
    this.#settled = undefined;
    this.#soon.call();
  }

  /** Envoy refused a listener: a program may have taken its port before Envoy could listen there. */
  refused(listener: string): void {
    this.#roster.refused(listener);
    this.#soon.call();
  }

  /** Runs what is due at once; resolves when Envoy was given it. @throws when the config could not be made, and the one before stays. */
  async now(): Promise<void> {
    this.#soon.cancel();
    await this.#config.call();
    if (this.#unconfigured !== undefined) throw new Error(`Envoy has no new config: ${this.#unconfigured}`);
  }

  /** Once the signal aborted: resolves when no round is under way, and none will be. */
  async ended(): Promise<void> {
    this.#soon.cancel();
    clearTimeout(this.#retry);
    clearTimeout(this.#leaving);
    await Promise.all([this.#config.call(), this.#capture.call()]);
  }

  members(): readonly Member[] {
    return this.#roster.all();
  }

  /** Those whose traffic is captured. */
  captured(): readonly Member[] {
    return this.#capturing.captured();
  }

  /** Revision of the policy that Envoy has in force, by uid. */
  inForce(): ReadonlyMap<string, string> {
    return this.#capturing.inForce();
  }

  problems(): readonly Problem[] {
    return [...this.#problems, ...this.#roster.outdated()];
  }

  capture(): ReturnType<Capturing['status']> {
    return this.#capturing.status();
  }

  async #configure(): Promise<void> {
    // Until the platforms have said what runs here, Envoy keeps what it has: to give it less would be to take workloads out.
    const workloads = this.#workloads;
    if (workloads === undefined || this.#options.signal.aborted) return;
    const { agent, settings, knowledge, ads, proxy } = this.#options;
    const proxied = this.#proxyFor(workloads);
    // What goes wrong is told where it is waited for.
    proxied.catch(() => undefined);
    // An Envoy that takes over from one of another version waits for its config; later, config may need rights that only the new one has.
    if (this.#given) await proxied;
    await this.#roster.update(workloads);
    this.#options.onMembers();
    if (!this.#given && this.#options.gaps.open() && proxy.mayBeOld) return this.#keep(proxied);
    const { confined: reason } = proxy;
    const joined = this.#roster
      .all()
      .filter(({ state, input }) => state === 'joined' && !(reason && hasNamespace(input)));
    await this.#capturing.letGo(joined);
    this.#joined = joined;
    const { resources, problems } = this.#compiler.compile(
      knowledge.input(joined, this.#left(joined), agent.host, settings),
    );
    this.#problems = [...problems, ...this.#roster.leftOut(reason)];
    if (this.#roster.lacks) this.#retryLater();
    ads.update(resources);
    this.#given = true;
    await proxied;
    // What was sent may be more than the Envoy that goes on has rights for.
    if (proxy.confined !== reason) this.#soon.call();
    if (!this.#capturing.tookOver && proxy.fresh) ads.expect();
    this.#unconfigured = undefined;
    if (this.#news(joined)) void this.#capture.call();
  }

  /** Envoy has, of an earlier life, what cannot be made now. Should it turn out to be new, or die, what can be made is better than nothing. */
  #keep(proxied: Promise<void>): void {
    if (this.#options.proxy.status() === undefined)
      void proxied.then(
        () => this.changed(),
        () => undefined,
      );
    this.#retryLater();
  }

  /** Those that left, and whom Envoy may still serve. */
  #left(joined: readonly Member[]): readonly string[] {
    const { callers, onCallers } = this.#options;
    const now = performance.now();
    const news = callers.update(
      joined.map(({ identity }) => identity),
      now,
    );
    if (news) onCallers();
    clearTimeout(this.#leaving);
    if (callers.next !== undefined)
      this.#leaving = setTimeout(() => this.changed(), Math.min(callers.next - now, DAY_MS)).unref();
    return callers.left();
  }

  /** Has an Envoy run. All workloads count, joined or not: it shall have its rights from the start, and get no config that it has no right to. */
  #proxyFor(workloads: readonly LocalWorkload[]): Promise<void> {
    const { proxy, signal } = this.#options;
    return proxy.ensure(
      workloads.some(({ selector }) => selector.kind === 'namespace'),
      signal,
    );
  }

  /** Whether capture or the policies in force may change: not for a change of services or instances. */
  #news(joined: readonly Member[]): boolean {
    const { knowledge, names } = this.#options;
    // Whoever found a port only now has yet to be told of.
    const inputs = [
      knowledge.mesh(),
      JSON.stringify(names()),
      this.#roster.all().length,
      ...joined.map(({ input }) => input),
    ];
    const before = this.#settled as readonly unknown[] | undefined;
    if (before?.length === inputs.length && inputs.every((input, index) => input === before[index])) return false;
    this.#settled = inputs;
    return true;
  }

  async #captureReady(): Promise<void> {
    const outcome = await this.#capturing.follow(this.#joined);
    if (outcome === 'unsaid') {
      setTimeout(() => void this.#capture.call(), SETTLE_MS).unref();
      return;
    }
    if (outcome === 'untaken') {
      this.#settled = undefined;
      this.#soon.call();
    } else await this.#roster.dropCertificates();
    this.#options.onInForce();
  }

  #fail(message: string): (error: unknown) => void {
    return error => {
      if (this.#options.signal.aborted) return;
      this.#capturing.failed(messageOf(error));
      this.#settled = undefined;
      this.#options.logger.error(message, { reason: messageOf(error) });
      this.#retryLater();
    };
  }

  /** One retry serves all that failed until then: each of its own would begin a row of rounds beside the others'. */
  #retryLater(): void {
    if (this.#retry) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.changed();
    }, RETRY_MS).unref();
  }
}

function hasNamespace({ local: { selector } }: WorkloadInput): boolean {
  return selector.kind === 'namespace';
}
