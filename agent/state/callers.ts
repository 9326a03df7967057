import { join } from 'node:path';
import { messageOf } from '../../manager/model/util/errors.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';

/**
 * The identities that may call from this host. Envoy serves the connections of one that left until their listener is drained: who they are
 * counts for as long, also for an agent that starts meanwhile.
 */
export class Callers {
  readonly #keptMs: number;
  #here: ReadonlySet<string> = new Set();
  /** Until when who left counts, as `performance.now()` tells time. */
  readonly #left = new Map<string, number>();

  /**
   * @param remembered what `toJSON` gave in an earlier life.
   * @param keptMs for so long listeners that go are drained.
   */
  constructor(remembered: readonly string[], keptMs: number) {
    this.#keptMs = keptMs;
    this.#here = new Set(remembered);
  }

  /** Takes who is here now. @returns whether there is something new to remember. */
  update(identities: Iterable<string>, now: number): boolean {
    const before = new Set(this.toJSON());
    const here = new Set(identities);
    for (const gone of this.#here.difference(here)) this.#left.set(gone, now + this.#keptMs);
    for (const [identity, until] of this.#left) if (here.has(identity) || until <= now) this.#left.delete(identity);
    this.#here = here;
    return before.symmetricDifference(new Set(this.toJSON())).size > 0;
  }

  /** Those that left and have connections, maybe. */
  left(): readonly string[] {
    return [...this.#left.keys()];
  }

  /** When the next of these counts no more. */
  get next(): number | undefined {
    return this.#left.size === 0 ? undefined : Math.min(...this.#left.values());
  }

  toJSON(): readonly string[] {
    return [...this.#here, ...this.#left.keys()].sort();
  }
}

/** A listener that goes is gone from Envoy by then, and what is left is its draining, milliseconds. */
const GONE_MS = 30_000;

function callersPath(stateDir: string): string {
  return join(stateDir, 'agent', 'callers.json');
}

/**
 * Who was here in an earlier life; nobody when there was none, or its file is damaged.
 * @param drainSeconds for so long Envoy drains listeners.
 */
export async function loadCallers(stateDir: string, drainSeconds: number, logger: Logger): Promise<Callers> {
  const keptMs = drainSeconds * 1000 + GONE_MS;
  try {
    const remembered: unknown = JSON.parse(String((await readIfThere(callersPath(stateDir))) ?? '[]'));
    if (Array.isArray(remembered)) return new Callers(remembered.map(String), keptMs);
    throw new Error('not a list of identities');
  } catch (error) {
    logger.warn('it is not remembered who called from this host', { reason: messageOf(error) });
    return new Callers([], keptMs);
  }
}

/** Keeps them for the next life. @throws when they cannot be written. */
export async function saveCallers(stateDir: string, callers: Callers): Promise<void> {
  await writeAtomic(callersPath(stateDir), JSON.stringify(callers));
}
