import { once } from 'node:events';
import { Backoff } from '../../manager/model/util/backoff.ts';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { isRecord } from '../../manager/model/util/fields.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { Rerun } from '../../manager/model/util/rerun.ts';
import { doneOrAborted } from '../../manager/model/util/until.ts';
import { keeping } from '../state/keeping.ts';
import type { Resolved } from './resolve.ts';

export interface HostNamesOptions {
  /** Where the last addresses lie over restarts. */
  readonly path: string;
  /** @throws when there is no address, or the signal aborts. */
  readonly resolve: (name: string, signal: AbortSignal) => Promise<Resolved>;
  /** A name has other addresses. */
  readonly onChange: () => void;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** Answers are asked for again no sooner and no later, milliseconds. */
const [SHORTEST_MS, LONGEST_MS] = [5_000, 300_000];

interface Followed {
  readonly stop: AbortController;
  /** Resolves when it was asked for once, whatever came of it. */
  readonly asked: PromiseWithResolvers<void>;
  settled: boolean;
}

/**
 * The addresses of instances that registries list by host name. A name is asked for again when its time to live is over; one that has
 * no answer keeps the last it had.
 */
export class HostNames {
  readonly #options: HostNamesOptions;
  readonly #known = new Map<string, readonly string[]>();
  readonly #followed = new Map<string, Followed>();
  #signal: AbortSignal | undefined;
  readonly #kept: Rerun;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: HostNamesOptions) {
    this.#options = options;
    this.#kept = keeping('the addresses of host names', () => this.#save(), options.logger);
  }

  /** Reads what an earlier life knew. */
  async load(): Promise<void> {
    const { path, logger } = this.#options;
    try {
      const found: unknown = JSON.parse(String((await readIfThere(path)) ?? '{}'));
      for (const [name, addresses] of Object.entries(isRecord(found) ? found : {}))
        if (Array.isArray(addresses)) this.#known.set(name, addresses.map(String));
    } catch (error) {
      logger.warn('the addresses of host names are not remembered; they are asked for anew', {
        reason: messageOf(error),
      });
    }
  }

  /** The last addresses of a name, the same object while they are the same; undefined when none is known. */
  addresses(name: string): readonly string[] | undefined {
    return this.#known.get(name);
  }

  /** All names that are used now; others are forgotten. */
  want(names: ReadonlySet<string>): void {
    for (const [name, { stop, asked }] of this.#followed)
      if (!names.has(name)) {
        stop.abort();
        asked.resolve();
        this.#followed.delete(name);
      }
    // Those of an earlier life too.
    for (const name of this.#known.keys()) if (!names.has(name)) this.#known.delete(name);
    for (const name of names) {
      if (this.#followed.has(name)) continue;
      const followed = { stop: new AbortController(), asked: Promise.withResolvers<void>(), settled: false };
      this.#followed.set(name, followed);
      if (this.#signal) void this.#follow(name, followed, this.#signal);
    }
  }

  /** Asks until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const [name, followed] of this.#followed) void this.#follow(name, followed, signal);
    if (!signal.aborted) await once(signal, 'abort');
    await this.#saving;
  }

  /**
   * Resolves when all names that are used now were asked for once, and the answers are known to the next life too, or the signal aborts.
   * @returns whether there was one to wait for.
   */
  async settled(signal: AbortSignal): Promise<boolean> {
    const open = [...this.#followed.values()].filter(({ settled }) => !settled);
    if (open.length === 0 || signal.aborted) return false;
    await doneOrAborted(Promise.all(open.map(({ asked }) => asked.promise)), signal);
    return true;
  }

  async #follow(name: string, followed: Followed, over: AbortSignal): Promise<void> {
    const { resolve, clock = systemClock, logger } = this.#options;
    const signal = AbortSignal.any([followed.stop.signal, over]);
    const backoff = new Backoff({ initialMs: 500, maximumMs: 30_000 });
    while (!signal.aborted) {
      let waitMs: number;
      try {
        const { addresses, ttlMs } = await resolve(name, signal);
        if (signal.aborted) return;
        backoff.reset();
        waitMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ttlMs));
        this.#set(name, addresses);
      } catch (error) {
        if (signal.aborted) return;
        waitMs = backoff.next();
        const kept = this.#known.has(name) ? '; its last addresses stay' : '';
        logger.debug(`a host name has no answer${kept}`, { name, reason: messageOf(error) });
      }
      if (!followed.settled) await this.#saving;
      followed.settled = true;
      followed.asked.resolve();
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  #set(name: string, addresses: readonly string[]): void {
    const before = this.#known.get(name);
    if (before?.join() === addresses.join()) return;
    this.#known.set(name, addresses);
    this.#options.logger.info('a host name has other addresses', { name, addresses: addresses.join(', ') });
    this.#saving = this.#kept.call();
    this.#options.onChange();
  }

  #save(): Promise<void> {
    return writeAtomic(this.#options.path, JSON.stringify(Object.fromEntries(this.#known)));
  }
}
