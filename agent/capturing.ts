import { messageOf } from '../manager/model/util/errors.ts';
import type { Logger } from '../manager/model/util/log.ts';
import { type CaptureFacts, capturePlan, placeOf, readyMembers, refusedMembers } from './capture.ts';
import { NOBODY, UNKNOWN } from './capture-reasons.ts';
import type { AdsServer } from './envoy/ads/server.ts';
import type { Knowledge } from './knowledge.ts';
import type { Member } from './members.ts';
import type { AgentOptions } from './options.ts';
import type { CaptureProblem, Redirect } from './redirect/redirect.ts';

export interface CapturingOptions {
  readonly agent: { readonly envoy: Pick<AgentOptions['envoy'], 'uid'> };
  readonly knowledge: Pick<Knowledge, 'mesh'>;
  readonly ads: Pick<AdsServer, 'applied' | 'status'>;
  readonly redirect: Pick<Redirect, 'apply'>;
  /** The host's name servers, as resolv.conf has them now, and where questions to them are taken. */
  readonly names: () => Pick<CaptureFacts, 'dnsServers' | 'askedPorts'>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * What came of a round: the rules follow from what Envoy took; it took nothing in time, and the rules stay; or it has yet to say what it
 * took, and is to be asked again in a moment.
 */
export type CaptureOutcome = 'set' | 'untaken' | 'unsaid';

/** How long capture waits for Envoy to take what it was sent before looking at what it took so far, milliseconds. */
const APPLY_MS = 10_000;

/** Brings the kernel's rules to what Envoy is ready for, and knows who is captured and which policies are in force. */
export class Capturing {
  readonly #options: CapturingOptions;
  readonly #begun = performance.now();
  /** Whether the rules are those of this life. */
  #tookOver = false;
  #captured: readonly Member[] = [];
  /** Those that rules were asked for last: the same, unless they are being set. */
  #asked: readonly Member[] = [];
  /** Uids of those who stay, as was said last; undefined before anything was. */
  #staying: ReadonlySet<string> | undefined;
  #inForce = new Map<string, string>();
  #problems: readonly CaptureProblem[] = [];
  #reason: string | undefined = UNKNOWN;

  constructor(options: CapturingOptions) {
    this.#options = options;
  }

  /** Whether the rules are those of this life of the agent. */
  get tookOver(): boolean {
    return this.#tookOver;
  }

  /** Those whose traffic is captured. */
  captured(): readonly Member[] {
    return this.#captured;
  }

  /** Revision of the policy that Envoy has in force, by uid. */
  inForce(): ReadonlyMap<string, string> {
    return this.#inForce;
  }

  status(): { readonly active: boolean; readonly reason?: string; readonly problems: readonly CaptureProblem[] } {
    const reason = this.#reason;
    return {
      active: this.#captured.length > 0,
      ...(reason === undefined ? {} : { reason }),
      problems: this.#problems,
    };
  }

  /** A round came to nothing. @param reason that {@link status} tells until one does not. */
  failed(reason: string): void {
    this.#reason = reason;
  }

  /** The rules let go of who leaves before their listeners do. @param joined those who stay. */
  async letGo(joined: readonly Member[]): Promise<void> {
    const uids = new Set(joined.map(uidOf));
    this.#staying = uids;
    const staying = this.#asked.filter(member => uids.has(uidOf(member)));
    if (staying.length < this.#asked.length) await this.#apply(staying);
  }

  /**
   * Waits until Envoy took what it was sent, then captures those whom it is ready for.
   * @throws when the rules cannot be set, and those before stay; when the signal aborts.
   */
  async follow(joined: readonly Member[]): Promise<CaptureOutcome> {
    const { ads, signal, logger } = this.#options;
    let rejected: ReadonlySet<string>;
    try {
      const rejections = await ads.applied(AbortSignal.any([signal, AbortSignal.timeout(APPLY_MS)]));
      rejected = new Set(rejections.flatMap(({ origins }) => origins));
    } catch (error) {
      signal.throwIfAborted();
      this.#reason = `Envoy has not taken its config: ${messageOf(error)}`;
      return 'untaken';
    }
    if (!this.#tookOver) logger.info('Envoy took its config', { refused: rejected.size });
    const capturable = this.#capturable(joined);
    if (capturable === undefined) return 'unsaid';
    const first = this.#reason !== undefined;
    await this.#apply(capturable);
    if (first && capturable.length > 0) logger.info('capturing', { workloads: capturable.length });
    this.#note(joined, rejected);
    return 'set';
  }

  /**
   * Who is captured: those that Envoy is ready for, and whoever was captured before. The rules of an earlier life are not known, so the
   * first time all have to be ready or refused; undefined until then, for some seconds at the most.
   */
  #capturable(joined: readonly Member[]): readonly Member[] | undefined {
    const status = this.#options.ads.status();
    const ready = new Set([...readyMembers(joined, status), ...this.#captured].map(placeOf));
    const refused = new Set(refusedMembers(joined, status));
    const open = joined.some(member => !ready.has(placeOf(member)) && !refused.has(member));
    if (open && !this.#tookOver && performance.now() - this.#begun < APPLY_MS) return undefined;
    this.#tookOver = true;
    // Some may have been let go of since this round began, and Envoy be about to let go of them.
    return joined.filter(member => ready.has(placeOf(member)) && (this.#staying?.has(uidOf(member)) ?? true));
  }

  /** A policy is in force when nothing that was made for its workload is refused. */
  #note(joined: readonly Member[], rejected: ReadonlySet<string>): void {
    const inForce = new Map<string, string>();
    for (const { input } of joined) {
      const { uid } = input.local.workload;
      const revision = rejected.has(`workload ${uid}`) ? this.#inForce.get(uid) : input.policy?.revision;
      if (revision !== undefined) inForce.set(uid, revision);
    }
    this.#inForce = inForce;
  }

  async #apply(members: readonly Member[]): Promise<void> {
    const { agent, knowledge, redirect, names } = this.#options;
    const { plan, problems } = capturePlan(members, {
      virtualRanges: knowledge.mesh().virtualRanges,
      ...names(),
      proxyUid: agent.envoy.uid,
      agentUid: process.getuid?.() ?? 0,
    });
    this.#asked = members;
    try {
      this.#problems = [...problems, ...(await redirect.apply(plan))];
    } catch (error) {
      this.#asked = this.#captured;
      throw error;
    }
    this.#captured = members;
    this.#reason = members.length > 0 ? undefined : NOBODY;
  }
}

function uidOf({ input }: Member): string {
  return input.local.workload.uid;
}
