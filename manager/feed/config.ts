import type { Catalog } from '../catalog/catalog.ts';
import { followConfig } from '../config/follow.ts';
import { Backoff } from '../model/util/backoff.ts';
import type { Clock } from '../model/util/clock.ts';
import { messageOf } from '../model/util/errors.ts';
import type { Logger } from '../model/util/log.ts';
import type { Store } from '../store/store.ts';

export interface ConfigFeedOptions {
  readonly store: Store;
  readonly catalog: Pick<Catalog, 'setConfig'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once all objects that were there are in the catalog. */
  readonly onSynced: () => void;
}

/** Feeds the catalog with the config objects of the store until the signal aborts. Never rejects. */
export async function feedConfig(options: ConfigFeedOptions, signal: AbortSignal): Promise<void> {
  const { store, catalog, clock, logger, onSynced } = options;
  const backoff = new Backoff();
  while (!signal.aborted) {
    try {
      for await (const change of followConfig(store, signal)) {
        switch (change.type) {
          case 'object':
            catalog.setConfig(change.key, change.object);
            break;
          case 'gone':
            catalog.setConfig(change.key, undefined);
            break;
          case 'unusable':
            logger.error('a stored config object cannot be used; the one before it stays', {
              key: change.key,
              why: change.why,
            });
            break;
          case 'synced':
            backoff.reset();
            onSynced();
            break;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.error('cannot follow the config; what was read stays', { why: messageOf(error) });
      await clock.sleep(backoff.next(), signal).catch(() => undefined);
    }
  }
}
