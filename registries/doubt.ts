import type { Logger } from '../manager/model/util/log.ts';
import type { Problem } from './registry.ts';

/** A list that lacks fewer services than this, or not more than half of those before, is believed at once. */
const LEAST = 3;

/** Whether a list that lacks so many of the services that were known is to be doubted. */
export function lacksMost(lacked: number, known: number): boolean {
  return lacked >= LEAST && lacked * 2 > known;
}

/** Has something done later, once. @returns when, milliseconds since 1970. */
export type Later = (work: () => void) => number;

/** Services that are kept though a list lacks them. */
interface Kept {
  readonly keys: Set<string>;
  /** Of how many. */
  readonly known: number;
  readonly lacked: number;
  readonly endsMs: number;
}

/**
 * Doubt in the first list of a session that lacks most of what the registry had before. A server that lost its data, or whose members all
 * were cut off from it, says just that, and minutes later has all of them again; so what it lacks is kept for a while.
 */
export class Doubt {
  readonly #later: Later;
  readonly #logger: Logger;
  readonly #kept = new Set<Kept>();

  constructor(later: Later, logger: Logger) {
    this.#later = later;
    this.#logger = logger;
  }

  /**
   * Of what a list lacks, that which is gone. The rest stays, until it is named again or its time is over.
   * @param lacked keys.
   * @param known how many services there were.
   * @param end called with the keys whose time is over.
   */
  gone(lacked: readonly string[], known: number, end: (keys: ReadonlySet<string>) => void): readonly string[] {
    const fresh = lacked.filter(key => !this.#has(key));
    const before = known - (lacked.length - fresh.length);
    if (!lacksMost(fresh.length, before)) return fresh;
    const keys = new Set(fresh);
    const endsMs = this.#later(() => {
      this.#kept.delete(kept);
      if (keys.size > 0)
        this.#logger.warn('services that the registry lists no more are gone', { services: keys.size });
      end(keys);
    });
    const kept = { keys, known: before, lacked: fresh.length, endsMs };
    this.#kept.add(kept);
    this.#logger.warn('problem in the registry', { ...problemOf(kept) });
    return [];
  }

  /** Something was said of a service. @returns whether it was doubted. */
  settle(key: string): boolean {
    return [...this.#kept].filter(({ keys }) => keys.delete(key)).length > 0;
  }

  problems(): readonly Problem[] {
    return [...this.#kept].filter(({ keys }) => keys.size > 0).map(problemOf);
  }

  #has(key: string): boolean {
    return [...this.#kept].some(({ keys }) => keys.has(key));
  }
}

function problemOf({ keys, known, lacked, endsMs }: Kept): Problem {
  const end = `${new Date(endsMs).toISOString().slice(0, 19)}Z`;
  return {
    where: 'the list of services',
    why: `it lacked ${lacked} of ${known} services at once, as after a loss of data; ${keys.size} of them stay as they were until ${end}, and go then unless they are listed again`,
  };
}
