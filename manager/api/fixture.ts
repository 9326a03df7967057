import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { systemClock } from '../model/util/clock.ts';
import { silentLogger } from '../model/util/log.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import type { HostRemoval } from './host-removal.ts';
import type { Inspect } from './inspect.ts';
import { createRoutes } from './routes.ts';
import { type ApiServerOptions, startApiServer } from './server.ts';
import type { TokenInfo, Tokens } from './tokens.ts';

/** A catalog that knows nothing, but for what is given. */
export function inspectOf(known: Partial<Inspect> = {}): Inspect {
  return {
    service: name => known.services?.().find(({ hostname, aliases }) => hostname === name || aliases.includes(name)),
    services: () => [],
    hosts: () => [],
    workloads: () => [],
    reported: known.workloads ?? (() => []),
    registries: () => [],
    refusals: () => [],
    manager: () => ({
      version: '0.0.0',
      pid: 7,
      startedAt: 0,
      trustDomain: 'isthmus.mesh',
      caEnds: Date.now() + 365 * 86_400_000,
    }),
    ...known,
  };
}

/** Tokens in memory; one for the host `joined` was used. */
export function tokensInMemory(): Tokens {
  const known = new Map<string, TokenInfo>();
  return {
    async create({ host, identities, ttlMs }) {
      const id = `t${known.size + 1}`;
      const used = host === 'joined' ? { usedAt: 1, usedBy: host } : {};
      const info = { id, identities, createdAt: 0, expiresAt: ttlMs, ...(host === undefined ? {} : { host }), ...used };
      known.set(id, info);
      return { ...info, token: `secret-of-${id}` };
    },
    list: async () => [...known.values()],
    revoke: async id => {
      const usedBy = known.get(id)?.usedBy;
      if (usedBy !== undefined) return { usedBy };
      return known.delete(id) ? 'revoked' : 'unknown';
    },
  };
}

export interface ApiFixture {
  readonly directory: string;
  readonly socketPath: string;
  readonly url: string | undefined;
  readonly store: Store;
}

/** An API over a real store on a real socket, for a test; all of it goes with the test. */
export async function startApi(
  t: ExecutionContext,
  options: {
    readonly inspect?: Partial<Inspect>;
    readonly removal?: HostRemoval;
    readonly historySize?: number;
    readonly maximumWatches?: number;
    readonly https?: ApiServerOptions['https'];
  } = {},
): Promise<ApiFixture> {
  const directory = makeFolder('api');
  const store = new SqliteStore(join(directory, 'store.db'), { historySize: options.historySize ?? 1_000 });
  const routes = createRoutes({
    store,
    inspect: inspectOf(options.inspect),
    tokens: tokensInMemory(),
    removal: options.removal ?? { remove: async () => undefined },
    clock: systemClock,
    maximumWatches: options.maximumWatches ?? 10,
  });
  const socketPath = join(directory, 'manager.sock');
  const server = await startApiServer({
    routes,
    log: silentLogger,
    socketPath,
    ...(options.https === undefined ? {} : { https: options.https }),
  });
  t.teardown(async () => {
    await server.close();
    await store.close();
    rmSync(directory, { recursive: true });
  });
  return { directory, socketPath, url: server.url, store };
}
