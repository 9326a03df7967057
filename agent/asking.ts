import type { ResourceType } from '../manager/model/proto/wire.ts';
import type { Knowledge } from './knowledge.ts';

/** Services that a host holds at the most: a program that asks for every name there is must not fill the host. */
export const MAXIMUM_SERVICES = 5_000;

export interface AskingOptions {
  readonly knowledge: Pick<Knowledge, 'holds'>;
  readonly wanted: () => ReadonlySet<string>;
  readonly subscribe: (type: ResourceType, names: readonly string[]) => void;
  /** Resolves when Envoy has all that is held now. */
  readonly applied: (signal: AbortSignal) => Promise<void>;
}

/** Turns questions to the name server into subscriptions: a host holds the services that its programs ask for. */
export class Asking {
  readonly #options: AskingOptions;
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /** Resolves when calls to the service will find the proxy ready; at once when it was asked for before. @throws the signal's reason. */
  async ask(hostname: string, signal: AbortSignal): Promise<void> {
    const { knowledge, wanted, subscribe, applied } = this.#options;
    if (knowledge.holds(hostname)) return;
    if (!wanted().has(hostname)) {
      if (wanted().size >= MAXIMUM_SERVICES) return;
      subscribe('ServiceView', [hostname]);
      subscribe('InstanceList', [hostname]);
    }
    const waiting = this.#waiting.get(hostname) ?? Promise.withResolvers<void>();
    this.#waiting.set(hostname, waiting);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([waiting.promise, aborted]);
      await applied(signal);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Something came: who waits for it goes on. */
  came(): void {
    for (const [hostname, waiting] of this.#waiting) {
      if (!this.#options.knowledge.holds(hostname)) continue;
      this.#waiting.delete(hostname);
      waiting.resolve();
    }
  }
}
