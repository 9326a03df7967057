import { type Followed, follow } from '../../registries/follow.ts';
import type { FollowedService } from '../../registries/mapping.ts';
import type { ConfiguredRegistry } from '../../registries/settings.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../model/util/clock.ts';
import type { Logger } from '../model/util/log.ts';
import type { Store } from '../store/store.ts';
import { Memory } from './memory.ts';

export interface RegistriesOptions {
  readonly registries: readonly ConfiguredRegistry[];
  readonly catalog: Pick<Catalog, 'setSource'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a registry lists can be read from it again. */
const GATHERING = { quietMs: 500, ceilingMs: 2_000 };

/** A registry under way: its last content of an earlier life stands in the catalog until it has been seen whole once. */
interface Under {
  readonly followed: Followed;
  readonly memory: Memory<FollowedService>;
  /** What the catalog and the memory hold from an earlier life, until the first batch names it. */
  readonly remembered: Map<string, FollowedService>;
  /** Settled when the catalog holds the whole of what the registry says in this life. */
  readonly whole: PromiseWithResolvers<void>;
}

/**
 * Feeds the catalog from all registries. A Manager that starts while a registry is away begins with what that registry said last, so that
 * nobody loses a service by the restart; once the registry has been seen whole, what it no longer lists goes.
 */
export class Registries {
  readonly #options: RegistriesOptions;
  #under: readonly Under[] = [];

  constructor(options: RegistriesOptions) {
    this.#options = options;
  }

  /** Begins to follow; resolves when the catalog holds what was remembered. @throws {StoreError} */
  async start(signal: AbortSignal): Promise<void> {
    const { registries, catalog, store, clock, logger } = this.#options;
    this.#under = await Promise.all(
      registries.map(async configured => {
        const memory = new Memory<FollowedService>(store, `registries/${configured.name}/`, logger, GATHERING);
        const remembered = await memory.load();
        for (const [key, service] of remembered) catalog.setSource(configured.name, key, service);
        const followed = follow(configured, { signal, clock, logger, remembered });
        return { followed, memory, remembered: new Map(remembered), whole: Promise.withResolvers<void>() };
      }),
    );
  }

  /** Feeds until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#under.map(under => this.#feed(under, signal)));
    await Promise.all(this.#under.map(({ memory }) => memory.flush()));
  }

  /** Resolves when the catalog holds what every registry says in this life. Needs `run` under way. */
  async synced(): Promise<void> {
    await Promise.all(this.#under.map(({ whole }) => whole.promise));
  }

  all(): readonly Followed[] {
    return this.#under.map(({ followed }) => followed);
  }

  async #feed({ followed, memory, remembered, whole }: Under, signal: AbortSignal): Promise<void> {
    const { catalog } = this.#options;
    for await (const keys of followed.batches(signal)) {
      // What went before anybody read the batches is in none of them.
      for (const key of new Set([...keys, ...remembered.keys()])) {
        const service = followed.state().get(key);
        const isHeld = service !== undefined && remembered.get(key) === service;
        remembered.delete(key);
        if (isHeld) continue;
        catalog.setSource(followed.name, key, service);
        memory.set(key, service);
      }
      if (followed.status().synced) whole.resolve();
    }
  }
}
