import type { ProcessRef } from './process-ref.ts';

/** How often Envoy died and was started again, and what it died of; and why none can be started in its place. */
export class Deaths {
  #restarts = 0;
  #last: string | undefined;
  #unable: string | undefined;
  #buried: ProcessRef | undefined;

  get restarts(): number {
    return this.#restarts;
  }

  /** Why one died the last time. */
  get last(): string | undefined {
    return this.#last;
  }

  /** Why none runs. */
  get unable(): string | undefined {
    return this.#unable;
  }

  /** One died. @returns whether that is news: of each it is told once, however often it is tried to start another. */
  died(one: ProcessRef, reason: string): boolean {
    if (one === this.#buried) return false;
    this.#buried = one;
    this.#last = reason;
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
