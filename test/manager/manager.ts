import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { GivenAuthority } from '../../auth/ca/given.ts';
import { connectManager, type ManagerAnswer, type ManagerRequest } from '../../manager/cli/client.ts';
import { runManager } from '../../manager/manager.ts';
import { type LogFields, type Logger, silentLogger } from '../../manager/model/util/log.ts';
import { SqliteStore } from '../../manager/store/sqlite/sqlite-store.ts';
import type { ConfiguredRegistry } from '../../registries/settings.ts';
import { makeFolder } from '../folders.ts';

const ANYWHERE = { address: '127.0.0.1', port: 0 };
const FIXED = { trustDomain: 'test.mesh', agents: ANYWHERE, api: ANYWHERE, version: 'test' };

/** A Manager of a test, on free ports of the loopback. */
export interface TestManager {
  /** Where agents connect, `127.0.0.1:…`. */
  readonly agents: string;
  /** `https://127.0.0.1:…`. */
  readonly api: string;
  readonly stateDir: string;
  /** Asks the API over its socket. */
  ask(request: ManagerRequest): Promise<ManagerAnswer>;
  /** Makes a join token for the host `a`, and gives its text. */
  token(request?: Readonly<Record<string, unknown>>): Promise<{ readonly id: string; readonly token: string }>;
  stop(): Promise<void>;
}

/** Starts a Manager on real sockets and a real store; it goes with the test. @param directory of an earlier one, to begin where it ended. */
export async function startManager(
  t: ExecutionContext,
  options: {
    readonly registries?: readonly ConfiguredRegistry[];
    readonly directory?: string;
    readonly ca?: GivenAuthority;
  } = {},
): Promise<TestManager> {
  const directory = options.directory ?? makeFolder('manager');
  const store = new SqliteStore(join(directory, 'store.db'));
  const stop = new AbortController();
  const { logger, ready } = readiness();
  const running = runManager(
    {
      ...FIXED,
      store,
      registries: options.registries ?? [],
      ...(options.ca && { ca: options.ca }),
      stateDir: directory,
      runDir: directory,
    },
    logger,
    stop.signal,
  );
  const end = async (): Promise<void> => {
    if (stop.signal.aborted) return;
    stop.abort();
    await running;
    await store.close();
  };
  t.teardown(async () => {
    await end();
    rmSync(directory, { recursive: true, force: true });
  });
  const { agents, api } = await Promise.race([ready, running.then(() => ({ agents: '', api: '' }))]);
  const client = connectManager({ runDir: directory });
  const ask = (request: ManagerRequest): Promise<ManagerAnswer> => client.request(request, stop.signal);
  return {
    agents: String(agents),
    api: String(api),
    stateDir: directory,
    ask,
    async token(request = {}) {
      const body = { host: 'a', identities: ['default/*'], ...request };
      const answer = await ask({ method: 'POST', path: '/isthmus/v1/tokens', body });
      return answer.body as { id: string; token: string };
    },
    stop: end,
  };
}

/** A logger that hears when the Manager is ready, and where it listens. */
function readiness(): { readonly logger: Logger; readonly ready: Promise<LogFields> } {
  const { promise, resolve } = Promise.withResolvers<LogFields>();
  const logger: Logger = {
    ...silentLogger,
    info: (message, fields) => message === 'Manager is ready' && resolve(fields ?? {}),
    child: () => logger,
  };
  return { logger, ready: promise };
}
