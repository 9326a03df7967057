import { setTimeout as delay } from 'node:timers/promises';
import { type Asker, type OwnerOf, readOwners } from './asker.ts';

/** After each reading comes a rest, milliseconds: so many times as long as it took, within these bounds. A host with many sockets would read all the time else. */
const RESTS = { times: 9, shortestMs: 20, longestMs: 500 };

/** Learns who owns sockets for many questions at a time: each waits for the next reading, so that its socket is in it. */
export class Owners {
  readonly #read: () => Promise<OwnerOf>;
  #next: Promise<OwnerOf> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param read does one reading; for tests. */
  constructor(protocol: Asker['protocol'], read: () => Promise<OwnerOf> = () => readOwners(protocol)) {
    this.#read = read;
  }

  /** Resolves to what a reading finds that begins later than now. Never rejects: where nothing can be read, nobody is known. */
  now(): Promise<OwnerOf> {
    this.#next ??= this.#after(this.#last);
    return this.#next;
  }

  #after(last: Promise<unknown>): Promise<OwnerOf> {
    const reading = last.then(async () => {
      // It begins: who asks from here on waits for the next one.
      this.#next = undefined;
      const began = performance.now();
      const found = await this.#read().catch((): OwnerOf => () => undefined);
      return { found, restMs: Math.max(RESTS.shortestMs, RESTS.times * (performance.now() - began)) };
    });
    this.#last = reading.then(({ restMs }) => delay(Math.min(restMs, RESTS.longestMs), undefined, { ref: false }));
    return reading.then(({ found }) => found);
  }
}
