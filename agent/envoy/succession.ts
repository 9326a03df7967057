import { setTimeout as delay } from 'node:timers/promises';
import type { EnvoyAdmin } from './admin.ts';
import { listens } from './listens.ts';
import type { LogFile } from './log-file.ts';
import { gone, isAlive, type ProcessRef, sendSignal } from './process-ref.ts';
import { type Sign, signOf } from './pulse.ts';

/** One Envoy of a line. */
export interface Generational extends ProcessRef {
  /** Which of its line. */
  readonly epoch: number;
}

/** How long one that shall be taken over from may need to begin itself, milliseconds. */
const BEGUN_MS = 5_000;
const PAUSE_MS = 50;

/**
 * How one Envoy takes over from another. The new one has the old one close its admin interface as soon as it has read its bootstrap, and its
 * listeners once it is live itself; so the old one serves though it does not answer, and after that it is good for nothing.
 */
export class Succession {
  readonly #admin: EnvoyAdmin;
  readonly #log: LogFile;
  readonly #takeOverMs: number;

  /** @param takeOverMs how long a new one may need to get ready. */
  constructor(admin: EnvoyAdmin, log: LogFile, takeOverMs: number = 30_000) {
    this.#admin = admin;
    this.#log = log;
    this.#takeOverMs = takeOverMs;
  }

  /** How an old one answers; `absent` when it serves all the same. @returns undefined when it does not serve. */
  async reach(before: Generational, signal: AbortSignal): Promise<Sign | undefined> {
    const sign = await signOf(this.#admin, before.epoch, signal);
    const serves = await (sign === 'absent' ? listens(before.pid) : isAlive(before));
    return serves ? sign : undefined;
  }

  /** Why none can take over from this one now; it is given some time to begin. @throws when the signal aborts. */
  async unready(before: Generational, signal: AbortSignal): Promise<string | undefined> {
    const deadline = performance.now() + BEGUN_MS;
    for (;;) {
      const sign = await this.reach(before, signal);
      if (sign === 'live' || sign === 'absent') return undefined;
      if (performance.now() > deadline || !(await isAlive(before))) return WHY[sign ?? 'gone'];
      await delay(PAUSE_MS, undefined, { signal });
    }
  }

  /**
   * Waits until a new one is live.
   * @param logSize how long the log was before it began.
   * @returns why it never will be; it is gone then.
   * @throws when the signal aborts.
   */
  async concluded(
    fresh: Generational,
    beforePid: number,
    logSize: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const deadline = performance.now() + this.#takeOverMs;
    while ((await signOf(this.#admin, fresh.epoch, signal)) !== 'live') {
      signal.throwIfAborted();
      if (!(await isAlive(fresh))) return (await this.#log.reason(logSize)) ?? 'it left no word';
      if (performance.now() > deadline) {
        // It has the listeners: it is merely slow to answer, and calls would end with it.
        if (!(await listens(beforePid))) return undefined;
        await sendSignal(fresh, 'SIGKILL');
        await gone(fresh, AbortSignal.timeout(5_000));
        return `it was not ready within ${this.#takeOverMs / 1000} s`;
      }
      await delay(PAUSE_MS, undefined, { signal });
    }
    return undefined;
  }
}

const WHY = {
  'not live': 'the one before has not begun yet',
  silent: 'the one before does not answer',
  gone: 'the one before is gone',
} as const;
