import type { ServerResponse } from 'node:http';
import type { Clock } from '../model/util/clock.ts';
import { describeFieldError } from '../model/util/errors.ts';
import type { Store } from '../store/store.ts';
import { type CheckedObject, ConfigCheck } from './config-check.ts';
import { configRoute } from './config-routes.ts';
import { discovery } from './discovery.ts';
import type { HostRemoval } from './host-removal.ts';
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
  readonly removal: HostRemoval;
  readonly clock: Clock;
  /** Watches at a time. */
  readonly maximumWatches: number;
}

/** Answers one request. @throws what `apiErrorOf` turns into an answer. */
export type Routes = (request: ApiRequest, response: ServerResponse) => Promise<void>;

export function createRoutes({ store, inspect, tokens, removal, clock, maximumWatches }: RoutesOptions): Routes {
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
  const check = new ConfigCheck(store, inspect);
  const warnings = async (object: CheckedObject): Promise<readonly string[]> =>
    (await check.run(object)).warnings.map(describeFieldError);

  return async (request, response) => {
    const { path } = request;
    if (path === '/livez') return sendJson(response, 200, { ok: true });
    if (path.startsWith('/isthmus/v1/'))
      return isthmusRoute({ inspect, tokens, removal, config: () => check.run() }, request, response);
    const document =
      request.method === 'GET' ? discovery(path.replace(/(.)\/$/, '$1'), inspect.manager().version) : undefined;
    if (document !== undefined) return sendJson(response, 200, document);
    if (path.startsWith('/apis/')) return configRoute({ store, objects, takeWatchPlace, warnings }, request, response);
    throw new ApiError(404, `There is nothing at ${path}; /apis and /isthmus/v1 are here`);
  };
}
