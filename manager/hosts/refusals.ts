import type { RefusalCode } from './refusal.ts';

/** How often something was refused for one reason since the Manager started, and the last time. */
export interface RefusalCount {
  readonly reason: RefusalCode;
  readonly count: number;
  readonly last: {
    /** Milliseconds since 1970. */
    readonly at: number;
    /** The host's name where its certificate said it, else the address. */
    readonly from: string;
    /** What was refused, and why. */
    readonly why: string;
  };
}

/** Of one reason, one in so many milliseconds is logged: whoever is refused can come without end. */
const LOG_MS = 10_000;

interface Counted extends RefusalCount {
  readonly loggedAt: number;
  /** How many were not logged since. */
  readonly unlogged: number;
}

/** Counts what was refused, by reason. */
export class Refusals {
  readonly #now: () => number;
  readonly #counted = new Map<RefusalCode, Counted>();

  /** @param now milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts one. @returns whether to log it, and how many of this reason were passed over since the last that was. */
  count(reason: RefusalCode, from: string, why: string): { readonly log: boolean; readonly passedOver: number } {
    const at = this.#now();
    const before = this.#counted.get(reason);
    const log = before === undefined || at - before.loggedAt >= LOG_MS;
    this.#counted.set(reason, {
      reason,
      count: (before?.count ?? 0) + 1,
      last: { at, from, why },
      loggedAt: log ? at : before.loggedAt,
      unlogged: log ? 0 : before.unlogged + 1,
    });
    return { log, passedOver: before?.unlogged ?? 0 };
  }

  /** The most frequent first. */
  all(): readonly RefusalCount[] {
    return [...this.#counted.values()]
      .map(({ reason, count, last }) => ({ reason, count, last }))
      .sort((a, b) => b.count - a.count);
  }
}
