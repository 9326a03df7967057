import type { ServerResponse } from 'node:http';
import { type ConfigWarning, checkReferences } from '../config/references.ts';
import { CONFIG_PREFIX, configObjectOfEntry } from '../config/stored.ts';
import type { ConfigObject } from '../model/config/object.ts';
import type { Clock } from '../model/util/clock.ts';
import { ConfigError, describeFieldError } from '../model/util/errors.ts';
import type { Store } from '../store/store.ts';
import { configRoute } from './config-routes.ts';
import { discovery } from './discovery.ts';
import type { Inspect } from './inspect.ts';
import { isthmusRoute } from './isthmus-routes.ts';
import { ConfigObjects } from './objects.ts';
import type { ApiRequest } from './request.ts';
import { ApiError, sendJson } from './status.ts';
import type { Tokens } from './tokens.ts';

/** What the API answers from. */
export interface RoutesOptions {
  readonly store: Store;
  readonly inspect: Inspect;
  readonly tokens: Tokens;
  readonly clock: Clock;
  /** Watches at a time. */
  readonly maximumWatches: number;
}

/** Answers one request. @throws what `apiErrorOf` turns into an answer. */
export type Routes = (request: ApiRequest, response: ServerResponse) => Promise<void>;

export function createRoutes({ store, inspect, tokens, clock, maximumWatches }: RoutesOptions): Routes {
  const objects = new ConfigObjects(store, clock);
  let watches = 0;
  const takeWatchPlace = (): Disposable => {
    if (watches >= maximumWatches)
      throw new ApiError(429, `${maximumWatches} watches are open, which is the limit; close one, or try later`, {
        details: { retryAfterSeconds: 5 },
      });
    watches += 1;
    return {
      [Symbol.dispose]: () => {
        watches -= 1;
      },
    };
  };
  const warnings = async (object: { kind: string; namespace: string; name: string }): Promise<readonly string[]> =>
    (await checkStored(store, inspect)).warnings
      .filter(
        ({ kind, namespace, name }) => kind === object.kind && namespace === object.namespace && name === object.name,
      )
      .map(describeFieldError);

  return async (request, response) => {
    const { path } = request;
    if (path === '/livez') return sendJson(response, 200, { ok: true });
    if (path.startsWith('/isthmus/v1/'))
      return isthmusRoute({ inspect, tokens, config: () => checkStored(store, inspect) }, request, response);
    const document =
      request.method === 'GET' ? discovery(path.replace(/(.)\/$/, '$1'), inspect.manager().version) : undefined;
    if (document !== undefined) return sendJson(response, 200, document);
    if (path.startsWith('/apis/')) return configRoute({ store, objects, takeWatchPlace, warnings }, request, response);
    throw new ApiError(404, `There is nothing at ${path}; /apis and /isthmus/v1 are here`);
  };
}

/** All stored objects checked against each other and the services there are; those that this version cannot use are named as well. */
async function checkStored(
  store: Store,
  inspect: Inspect,
): Promise<{ readonly objects: number; readonly warnings: readonly ConfigWarning[] }> {
  const { entries } = await store.list(CONFIG_PREFIX);
  const objects: ConfigObject[] = [];
  const unusable: ConfigWarning[] = [];
  for (const entry of entries)
    try {
      objects.push(configObjectOfEntry(entry));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const [, plural = '', namespace = '', name = ''] = entry.key.slice(CONFIG_PREFIX.length).split('/');
      for (const wrong of error.errors) unusable.push({ kind: plural, namespace, name, ...wrong });
    }
  return { objects: entries.length, warnings: [...unusable, ...checkReferences(objects, inspect.services())] };
}
