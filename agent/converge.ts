import { debounce } from '../manager/model/util/debounce.ts';
import { messageOf } from '../manager/model/util/errors.ts';
import { rerun } from '../manager/model/util/rerun.ts';
import type { LocalWorkload } from '../platforms/platform.ts';
import { callersAt } from './capture.ts';
import { Capturing, type CapturingOptions } from './capturing.ts';
import { Compiler } from './compile/compile.ts';
import type { HostSettings, Problem, WorkloadInput } from './compile/input.ts';
import { identityOf } from './compile/tls.ts';
import type { AdsServer } from './envoy/ads/server.ts';
import type { Gaps } from './gaps.ts';
import type { HostProxy } from './host-proxy.ts';
import type { Certificates } from './keys/certificates.ts';
import type { Knowledge } from './knowledge.ts';
import { type Member, Members } from './members.ts';
import type { AgentOptions } from './options.ts';
import type { Callers } from './state/callers.ts';
import { heldPorts } from './state/held-ports.ts';
import type { OutboundPorts } from './state/outbound-ports.ts';
import { confined, otherwiseCalled, portless, Unserved } from './unserved.ts';
import { linkNamespaces } from './workloads/namespace-links.ts';

export interface ConvergeOptions extends CapturingOptions {
  readonly agent: AgentOptions;
  readonly knowledge: Knowledge;
  readonly gaps: Pick<Gaps, 'open'>;
  readonly ads: AdsServer;
  readonly settings: HostSettings;
  readonly certificates: Certificates;
  readonly ports: OutboundPorts;
  readonly callers: Callers;
  readonly proxy: HostProxy;
  /** Workloads of the host came, went or changed. */
  readonly onMembers: () => void;
  /** Workloads came or went, or got other ports: who remembers the ports has to look. */
  readonly onPorts: () => void;
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
  readonly #members = new Members();
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
  #workloads: readonly LocalWorkload[] = [];
  /** Those whose namespaces have their links. */
  #linked: readonly LocalWorkload[] | undefined;
  #unlinked: readonly Problem[] = [];
  readonly #unserved: Unserved;
  /** Those that were given their ports. */
  #assigned: readonly LocalWorkload[] | undefined;
  /** What {@link workloads} was called with last. */
  #latest: readonly LocalWorkload[] = [];
  #known = false;
  /** Identities that certificates were asked for. */
  #wanted: ReadonlySet<string> = new Set();
  #all: readonly Member[] = [];
  #joined: readonly Member[] = [];
  #problems: readonly Problem[] = [];
  #settled: unknown;
  /** Listeners that Envoy refused since the last round. */
  readonly #refused = new Set<string>();
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
    this.#unserved = new Unserved(options.logger);
  }

  /** All workloads of the host. Resolves when Envoy was given what follows from them. */
  async workloads(workloads: readonly LocalWorkload[]): Promise<void> {
    this.#latest = workloads;
    // It begins while certificates are read and its config is made. What goes wrong is told by the round that waits for it.
    void this.#proxyFor(workloads).catch(() => undefined);
    await this.#wantCertificates(workloads);
    // What came later may have been quicker.
    if (this.#latest !== workloads) return;
    // Not before their certificates are read from disk: a round in between would take them for workloads that have none.
    this.#workloads = workloads;
    this.#known = true;
    await this.#config.call();
  }

  /** Those of the workloads, and those that some have until they are given theirs. */
  async #wantCertificates(workloads: readonly LocalWorkload[]): Promise<void> {
    const { knowledge, certificates } = this.#options;
    const { trustDomain } = knowledge.mesh();
    const uids = new Set(workloads.map(({ workload }) => workload.uid));
    const had = this.#all.filter(({ input, state }) => state === 'joined' && uids.has(input.local.workload.uid));
    const identities = [
      ...workloads.map(({ workload }) => identityOf(workload, trustDomain)),
      ...had.map(({ identity }) => identity),
    ];
    this.#wanted = new Set(identities);
    await certificates.want(this.#wanted);
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
    this.#refused.add(listener);
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
    return this.#all;
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
    const { certificates, knowledge } = this.#options;
    const { trustDomain } = knowledge.mesh();
    return [
      ...this.#problems,
      ...otherwiseCalled(this.#workloads, this.#all, ({ workload }) =>
        certificates.reason(identityOf(workload, trustDomain)),
      ),
    ];
  }

  capture(): ReturnType<Capturing['status']> {
    return this.#capturing.status();
  }

  async #configure(): Promise<void> {
    // Until the platforms have said what runs here, Envoy keeps what it has: to give it less would be to take workloads out.
    if (!this.#known || this.#options.signal.aborted) return;
    const { agent, settings, knowledge, ads, proxy } = this.#options;
    const proxied = this.#proxyFor(this.#workloads);
    // What goes wrong is told where it is waited for.
    proxied.catch(() => undefined);
    // An Envoy that takes over from one of another version waits for its config; later, config may need rights that only the new one has.
    if (this.#given) await proxied;
    await this.#link();
    this.#assign();
    this.#options.onMembers();
    if (!this.#given && this.#options.gaps.open() && proxy.mayBeOld) return this.#keep(proxied);
    const { confined: reason } = proxy;
    const joined = this.#all.filter(({ state, input }) => state === 'joined' && !(reason && hasNamespace(input)));
    await this.#capturing.letGo(joined);
    this.#joined = joined;
    const { resources, problems } = this.#compiler.compile(
      knowledge.input(joined, this.#left(joined), agent.host, settings),
    );
    this.#problems = [...problems, ...this.#leftOut(reason)];
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

  /** Where it fails, Envoy refuses what has no link, and it is tried again; all others must not wait for that. */
  async #link(): Promise<void> {
    const workloads = this.#workloads;
    if (this.#linked === workloads) return;
    this.#unlinked = await linkNamespaces(this.#options.settings.namespaces, workloads);
    if (this.#unlinked.length === 0) this.#linked = workloads;
    else this.#retryLater();
  }

  /** Has an Envoy run. All workloads count, joined or not: it shall have its rights from the start, and get no config that it has no right to. */
  #proxyFor(workloads: readonly LocalWorkload[]): Promise<void> {
    const { proxy, signal } = this.#options;
    return proxy.ensure(
      workloads.some(({ selector }) => selector.kind === 'namespace'),
      signal,
    );
  }

  /** The workloads that are not served now. @param reason why Envoy has not the rights for some. */
  #leftOut(reason: string | undefined): readonly Problem[] {
    const without = portless(this.#workloads, this.#all);
    // A port may be free later.
    if (without.length > 0) this.#retryLater();
    return this.#unserved.update([...this.#unlinked, ...confined(this.#all, reason), ...without]);
  }

  /** Whether capture or the policies in force may change: not for a change of services or instances. */
  #news(joined: readonly Member[]): boolean {
    const { knowledge, names } = this.#options;
    // Whoever found a port only now has yet to be told of.
    const inputs = [knowledge.mesh(), JSON.stringify(names()), this.#all.length, ...joined.map(({ input }) => input)];
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
    } else await this.#dropCertificates();
    this.#options.onInForce();
  }

  /** Once Envoy has the new ones in use. */
  async #dropCertificates(): Promise<void> {
    const used = new Set(this.#all.map(({ identity }) => identity));
    const { trustDomain } = this.#options.knowledge.mesh();
    for (const { workload } of this.#latest) used.add(identityOf(workload, trustDomain));
    if (![...this.#wanted].every(identity => used.has(identity))) await this.#wantCertificates(this.#latest);
  }

  /** Gives all their ports; those whose listeners were refused get others, if a program has theirs. */
  #assign(): void {
    const { ports, onPorts } = this.#options;
    const uids = callersAt(this.#all, this.#refused).map(({ input }) => input.local.workload.uid);
    this.#refused.clear();
    const doubted = ports.doubt(uids);
    const before = this.#all.length;
    this.#all = this.#fitting();
    if (doubted || this.#assigned !== this.#workloads || this.#all.length !== before) onPorts();
    this.#assigned = this.#workloads;
  }

  /** The members that there are ports for. */
  #fitting(): readonly Member[] {
    const { agent, knowledge, certificates, ports } = this.#options;
    return this.#members.update(this.#workloads, {
      trustDomain: knowledge.mesh().trustDomain,
      ports,
      held: () => heldPorts(agent.envoy.uid),
      policy: uid => knowledge.policy(uid),
      certified: identity => certificates.has(identity),
    });
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
