import type { ResourceType } from '../manager/model/proto/wire.ts';
import { doneOrAborted } from '../manager/model/util/until.ts';
import type { PlatformProblem } from '../platforms/platform.ts';
import type { Knowledge } from './knowledge.ts';

/** Services that a host holds at the most: a program that asks for every name there is must not fill the host. */
const MAXIMUM_SERVICES = 5_000;

export interface AskingOptions {
  readonly knowledge: Pick<Knowledge, 'holds'>;
  readonly wanted: () => ReadonlySet<string>;
  readonly subscribe: (type: ResourceType, names: readonly string[]) => void;
  readonly unsubscribe: (type: ResourceType, names: readonly string[]) => void;
  /** Resolves when Envoy has all that is held now, and the next agent would know it too. */
  readonly applied: (signal: AbortSignal) => Promise<void>;
}

/** Those who wait for one service to be held. */
interface Waiting extends PromiseWithResolvers<void> {
  askers: number;
}

/** Those who wait for Envoy to be given one service. */
interface Applying {
  readonly done: Promise<void>;
  /** Aborted once nobody waits any more. */
  readonly over: AbortController;
  askers: number;
}

/** Turns questions to the name server into subscriptions: a host holds the services that its programs ask for. */
export class Asking {
  readonly #options: AskingOptions;
  readonly #waiting = new Map<string, Waiting>();
  /** Services that Envoy was seen to have. What is merely held may be on its way to it, and a call would come too early. */
  readonly #ready = new Set<string>();
  /** Services that Envoy is being given: whoever asks meanwhile waits for the same. */
  readonly #applying = new Map<string, Applying>();
  /** Whether the last one that was new found no place. */
  #isFull = false;

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /** Resolves when calls to the service will find the proxy ready; at once when it was so before. @throws the signal's reason, or that the host is full. */
  async ask(hostname: string, signal: AbortSignal): Promise<void> {
    const { knowledge } = this.#options;
    if (!knowledge.holds(hostname)) {
      this.#ready.delete(hostname);
      await this.#held(hostname, signal);
    }
    if (this.#ready.has(hostname)) return;
    const applying = this.#applying.get(hostname) ?? this.#apply(hostname);
    this.#applying.set(hostname, applying);
    await waitTogether(applying, applying.done, signal, () => {
      this.#applying.delete(hostname);
      applying.over.abort();
    });
  }

  #apply(hostname: string): Applying {
    const over = new AbortController();
    const done = this.#options.applied(over.signal).then(() => {
      if (!over.signal.aborted) this.#ready.add(hostname);
    });
    return { done, over, askers: 0 };
  }

  /** Subscribes, and waits until the service is held. */
  async #held(hostname: string, signal: AbortSignal): Promise<void> {
    const { wanted, subscribe } = this.#options;
    if (!wanted().has(hostname)) {
      if (wanted().size >= MAXIMUM_SERVICES) this.#makeRoom();
      subscribe('ServiceView', [hostname]);
      subscribe('InstanceList', [hostname]);
    }
    const waiting = this.#waiting.get(hostname) ?? { ...Promise.withResolvers<void>(), askers: 0 };
    this.#waiting.set(hostname, waiting);
    await waitTogether(waiting, waiting.promise, signal, () => {
      if (this.#waiting.get(hostname) === waiting) this.#waiting.delete(hostname);
    });
  }

  /**
   * Services that are gone were kept in mind, as they may come back; now others need their places. None that is held is dropped for
   * them: a question is all that is known of its use, and many programs ask once and call for months (nginx asks when it starts). The
   * one longest unasked may be the one most called; dropping it ends calls that stand, and that of every such service in turn, where
   * refusing keeps a host from new services only.
   */
  #makeRoom(): void {
    const { wanted, unsubscribe, knowledge } = this.#options;
    const gone = [...wanted()].filter(name => !knowledge.holds(name) && !this.#waiting.has(name));
    this.#isFull = gone.length === 0;
    if (this.#isFull)
      throw new Error(
        `this host holds ${MAXIMUM_SERVICES} services, and takes no more: no program needs so many, so one may ask for all names there are`,
      );
    unsubscribe('ServiceView', gone);
    unsubscribe('InstanceList', gone);
  }

  /** That services are refused, and how to mend it, while it is so. */
  problems(): readonly PlatformProblem[] {
    if (!this.#isFull || this.#options.wanted().size < MAXIMUM_SERVICES) return [];
    const why =
      `the host holds ${MAXIMUM_SERVICES} services and takes no more: calls to any other fail. A program probably asked for all names ` +
      'there are; end it, stop the agent, delete agent/snapshot/ServiceView.json in its state folder, and start it again: services then ' +
      'come back as programs ask for them, and calls of programs that do not ask again fail until they are restarted';
    return [{ where: 'services', why }];
  }

  /** Something came or went: who waits for it goes on. */
  came(): void {
    for (const hostname of this.#ready) if (!this.#options.knowledge.holds(hostname)) this.#ready.delete(hostname);
    for (const [hostname, waiting] of this.#waiting) {
      if (!this.#options.knowledge.holds(hostname)) continue;
      this.#waiting.delete(hostname);
      waiting.resolve();
    }
  }
}

/** Waits for what others may wait for, too. @param last called when nobody does any more. @throws the signal's reason, or what the work does. */
async function waitTogether(
  shared: { askers: number },
  work: Promise<void>,
  signal: AbortSignal,
  last: () => void,
): Promise<void> {
  shared.askers += 1;
  try {
    await doneOrAborted(work, signal);
  } finally {
    shared.askers -= 1;
    if (shared.askers === 0) last();
  }
  signal.throwIfAborted();
}
