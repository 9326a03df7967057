import { Recurrence } from '../../manager/model/util/recurrence.ts';
import type { ProcessRef } from './process-ref.ts';
import type { EnvoyProcessStatus } from './process-status.ts';

/** So many deaths within so many minutes are told of also while one runs: calls fail at each. */
const OFTEN = 3;
const OFTEN_MINUTES = 5;

/** How often Envoy died and was started again, and what it died of; and why none can be started in its place. */
export class Deaths {
  #restarts = 0;
  #last: string | undefined;
  #unable: string | undefined;
  #buried: ProcessRef | undefined;
  readonly #recent: Recurrence;

  /** @param now for tests. */
  constructor(now?: () => number) {
    this.#recent = new Recurrence(OFTEN, OFTEN_MINUTES * 60_000, now);
  }

  status(): Pick<EnvoyProcessStatus, 'restarts' | 'lastDeath' | 'dying' | 'unable'> {
    return { restarts: this.#restarts, lastDeath: this.#last, dying: this.#often(), unable: this.#unable };
  }

  /** Why one died the last time. */
  get last(): string | undefined {
    return this.#last;
  }

  #often(): string | undefined {
    if (!this.#recent.isFrequent) return undefined;
    return `died ${OFTEN} times within ${OFTEN_MINUTES} minutes, and is started again each time: ${this.#last}`;
  }

  /** One died. @returns whether that is news: of each it is told once, however often it is tried to start another. */
  died(one: ProcessRef, reason: string): boolean {
    if (one === this.#buried) return false;
    this.#buried = one;
    this.#last = reason;
    this.#recent.note();
    return true;
  }

  /** One that should have taken over did not live; the one before goes on. */
  stillborn(reason: string): void {
    this.#last = reason;
  }

  /** Another was started in the place of one that died. */
  replaced(): void {
    this.#restarts += 1;
    this.#unable = undefined;
  }

  /** None can be started. */
  failed(reason: string): void {
    this.#unable = reason;
  }
}
