import type { Catalog } from '../catalog/catalog.ts';
import { type ConfigChange, followConfig } from '../config/follow.ts';
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
  const used = new Set<string>();
  const known = new Map<string, number>();
  while (!signal.aborted) {
    try {
      for await (const change of followConfig(store, signal, known)) {
        switch (change.type) {
          case 'object':
            used.add(change.key);
            catalog.setConfig(change.key, change.object);
            break;
          case 'gone':
            used.delete(change.key);
            catalog.setConfig(change.key, undefined);
            break;
          case 'unusable':
            logger.error(`a stored config object cannot be used; ${standIn(change, used, catalog)}`, {
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

/** Sees to what holds in the place of an object that cannot be used, and says what that is. */
function standIn(
  { key, instead }: Extract<ConfigChange, { type: 'unusable' }>,
  used: ReadonlySet<string>,
  catalog: ConfigFeedOptions['catalog'],
): string {
  if (used.has(key)) return 'the one before it stays';
  if (instead === undefined) return 'it is left out';
  catalog.setConfig(key, instead);
  return instead.kind === 'AuthorizationPolicy'
    ? 'until it is mended nobody is let in to the workloads that it is for'
    : 'until it is mended no caller without an identity is let in to the workloads that it is for';
}
