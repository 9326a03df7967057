import type { Logger } from '../../manager/model/util/log.ts';
import type { PlatformProblem } from '../../platforms/platform.ts';
import { Rarely } from '../rarely.ts';

/** What a server was too busy for: it is told of for so long after it last was, milliseconds. */
const LASTS_MS = 60_000;

/** Counts what was refused because too much was under way, and tells of it. */
export class Overload {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #warnings: Rarely;
  #count = 0;
  #last: { readonly at: number; readonly who: string } | undefined;

  /** @param now milliseconds since whenever; for tests. */
  constructor(logger: Logger, now: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#now = now;
    this.#warnings = new Rarely(now);
  }

  /** Since the start. */
  get count(): number {
    return this.#count;
  }

  /** A question was refused, or a connection closed. @param who asked it, as a person should read it. */
  refused(who: string): void {
    this.#count += 1;
    this.#last = { at: this.#now(), who };
    const times = this.#warnings.due();
    if (times !== undefined)
      this.#logger.warn('too many DNS questions are under way: some are refused', { who, times });
  }

  /** Empty unless something was refused within the last minute. */
  problems(): readonly PlatformProblem[] {
    if (!this.#last || this.#now() - this.#last.at >= LASTS_MS) return [];
    const why =
      `too many questions are under way, and some are refused (${this.#count} so far, the last one of ${this.#last.who}): ` +
      "a program asks too much, or the host's name servers do not answer";
    return [{ where: 'DNS', why }];
  }
}

/** A user of the host, for a person to read. */
export function userName(uid: number | undefined): string {
  return uid === undefined ? 'a program that is not known' : `user ${uid}`;
}
