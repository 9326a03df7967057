import type { Place } from '../../hosts/host.ts';
import type { Running } from '../../hosts/process.ts';
import { Lines } from '../lines.ts';

/** What the asker is told. */
export interface Asked {
  readonly url: string;
  /** The body that ends the asking. */
  readonly answer: string;
}

/** What the asker found. */
export interface Sighting {
  /** When the wanted answer had come: CLOCK_MONOTONIC, nanoseconds. */
  readonly at: string;
  /** Calls before it that failed. */
  readonly failed: number;
}

/** How long a change may take to be seen, milliseconds. */
const LIMIT_MS = 15_000;

/** A program that calls all the time, as a workload. */
export class Asker {
  readonly #lines: Lines;

  constructor(place: Place, uid: number) {
    const file = new URL('asker.ts', import.meta.url).pathname;
    const running: Running = place.spawn([process.execPath, file], { uid, readAll: true, keepStdin: true });
    this.#lines = new Lines(running);
  }

  /** Begins to ask; resolves when the first answer, another one, has come. */
  async begin(asked: Asked): Promise<void> {
    this.#lines.say(JSON.stringify(asked));
    const line = await this.#lines.next(LIMIT_MS);
    if (line !== 'asking') throw new Error(`${asked.url} answers ${asked.answer} before anything was changed`);
  }

  /** Resolves when the wanted answer came. @throws when it does not come. */
  async seen(): Promise<Sighting> {
    return JSON.parse(await this.#lines.next(LIMIT_MS)) as Sighting;
  }
}
