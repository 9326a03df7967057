import { Backoff } from '../model/util/backoff.ts';
import { messageOf } from '../model/util/errors.ts';
import type { Logger } from '../model/util/log.ts';
import type { VirtualIps } from './virtual-ips.ts';

export interface AddressRequestsOptions {
  readonly virtualIps: Pick<VirtualIps, 'give'>;
  /** A service has its addresses now. */
  readonly onGiven: (hostname: string) => void;
  readonly logger: Logger;
  /** Longest wait between two tries, milliseconds. */
  readonly maximumMs?: number;
}

interface Asked {
  readonly backoff: Backoff;
  timer?: NodeJS.Timeout;
  /** Why the last try failed. */
  why?: string;
}

const MAXIMUM_MS = 30_000;

/** Asks for the virtual IPs of services, each again with backoff until it has one or is gone. */
export class AddressRequests {
  readonly #options: AddressRequestsOptions;
  readonly #asked = new Map<string, Asked>();

  constructor(options: AddressRequestsOptions) {
    this.#options = options;
  }

  /** Asks for the addresses of a service, unless that is under way. */
  ask(hostname: string): void {
    if (this.#asked.has(hostname)) return;
    const asked: Asked = { backoff: new Backoff({ maximumMs: this.#options.maximumMs ?? MAXIMUM_MS }) };
    this.#asked.set(hostname, asked);
    void this.#try(hostname, asked);
  }

  /** The service is gone. */
  forget(hostname: string): void {
    clearTimeout(this.#asked.get(hostname)?.timer);
    this.#asked.delete(hostname);
  }

  /** By hostname, why a service has no address yet. */
  failures(): ReadonlyMap<string, string> {
    return new Map([...this.#asked].flatMap(([hostname, { why }]) => (why === undefined ? [] : [[hostname, why]])));
  }

  async #try(hostname: string, asked: Asked): Promise<void> {
    const { virtualIps, onGiven, logger } = this.#options;
    try {
      await virtualIps.give(hostname);
    } catch (error) {
      if (this.#asked.get(hostname) !== asked) return;
      const why = messageOf(error);
      if (why !== asked.why)
        logger.error('a service gets no virtual IP and stays out; trying again', { hostname, why });
      asked.why = why;
      asked.timer = setTimeout(() => void this.#try(hostname, asked), asked.backoff.next()).unref();
      return;
    }
    if (this.#asked.get(hostname) !== asked) return;
    this.#asked.delete(hostname);
    onGiven(hostname);
  }
}
