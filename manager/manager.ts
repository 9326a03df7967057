import { createPrivateKey, createPublicKey } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Authority } from '../auth/ca/authority.ts';
import type { GivenAuthority } from '../auth/ca/given.ts';
import { renewAt } from '../auth/ca/renewal.ts';
import { fingerprintOf, makeKey } from '../auth/ca/root.ts';
import type { ConfiguredRegistry } from '../registries/settings.ts';
import { adminToken } from './api/access.ts';
import { createRoutes } from './api/routes.ts';
import { type ApiServer, type ServerCertificate, startApiServer } from './api/server.ts';
import { Catalog } from './catalog/catalog.ts';
import { VIRTUAL_RANGES, VirtualIps } from './catalog/virtual-ips.ts';
import { Publisher } from './distribution/publisher.ts';
import { AgentServer } from './distribution/server.ts';
import { feedConfig } from './feed/config.ts';
import { HostMemory } from './feed/hosts.ts';
import { Registries } from './feed/registries.ts';
import { Hosts } from './hosts/hosts.ts';
import { Members } from './hosts/members.ts';
import { Nonces } from './hosts/nonces.ts';
import { Refusals } from './hosts/refusals.ts';
import { Removal } from './hosts/removal.ts';
import { loadAuthority } from './hosts/root.ts';
import { Signing } from './hosts/signing.ts';
import { TokenStore } from './hosts/token-store.ts';
import { Inspection } from './inspection.ts';
import { loadWire } from './model/proto/wire.ts';
import { type Clock, systemClock } from './model/util/clock.ts';
import { writeAtomic } from './model/util/files.ts';
import type { Logger } from './model/util/log.ts';
import { doneOrAborted } from './model/util/until.ts';
import type { Store } from './store/store.ts';

export interface ManagerOptions {
  readonly trustDomain: string;
  /** Where agents connect; port 0 takes a free one. */
  readonly agents: { readonly address: string; readonly port: number };
  /** Where the REST API is served over TLS. */
  readonly api: { readonly address: string; readonly port: number };
  /** Open; closed by whoever opened it. */
  readonly store: Store;
  /** Absent: a root is made at the first start. */
  readonly ca?: GivenAuthority;
  /** In the order of precedence. */
  readonly registries: readonly ConfiguredRegistry[];
  readonly stateDir: string;
  readonly runDir: string;
  readonly version: string;
  readonly clock?: Clock;
}

/** Hosts are told nothing before every registry was seen whole and every host heard of, or for so long: then what was remembered has to do. Milliseconds. */
const SYNC_MS = 3_000;
const MAXIMUM_WATCHES = 1_000;
const HOUR_MS = 3_600_000;

/**
 * Runs a Manager until the signal aborts. Logs `Manager is ready` once it serves.
 * @throws when it cannot start: a port is taken, the store or the CA cannot be used.
 */
export async function runManager(options: ManagerOptions, logger: Logger, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const parts = await assemble(options, logger);
  // Not a secret: whoever calls the API from elsewhere checks its certificate against it.
  await writeAtomic(join(options.stateDir, 'root.pem'), parts.authority.roots.join(''), 0o644);
  const { registries, hosts, hostMemory, server, publisher, catalog } = parts;
  catalog.connect(hosts, keys => publisher.changed(keys));
  await hostMemory.restore(hosts, parts.members);
  await registries.start(ending);
  const config = Promise.withResolvers<void>();
  const running = [
    feedConfig({ ...parts, onSynced: config.resolve }, ending),
    registries.run(ending),
    hosts.run(ending).catch((error: unknown) => {
      if (!ending.aborted) throw error;
    }),
  ];
  const enough = AbortSignal.any([ending, AbortSignal.timeout(SYNC_MS)]);
  const all = doneOrAborted(Promise.all([registries.synced(), hosts.heard()]), enough);
  Promise.all([config.promise, all]).then(() => {
    // What waits to be put together would look like gone to a host that resumes.
    catalog.flush();
    parts.ready.resolve();
  }, parts.ready.reject);
  try {
    const port = await server.listen(options.agents.address, options.agents.port, ending);
    await using api = await startApi(options, parts, logger);
    logger.info('Manager is ready', {
      agents: `${options.agents.address}:${port}`,
      api: api.url,
      socket: socketOf(options),
    });
    await Promise.race([
      Promise.all(running),
      keepApiFresh(api, () => apiCertificate(parts.authority, options.api.address), parts.clock, ending),
    ]);
  } finally {
    over.abort();
    await Promise.allSettled(running);
    await hostMemory.flush();
  }
}

type Parts = Awaited<ReturnType<typeof assemble>>;

async function assemble(options: ManagerOptions, logger: Logger) {
  const { store, trustDomain, ca, clock = systemClock } = options;
  const now = (): number => clock.now();
  const authority = await loadAuthority(store, { trustDomain, now, ...(ca && { given: ca }) });
  const virtualIps = new VirtualIps(store, now);
  await virtualIps.load();
  const settings = { trustDomain, roots: authority.roots, virtualRanges: VIRTUAL_RANGES };
  const catalog = new Catalog({ registries: options.registries.map(({ name }) => name), settings, virtualIps, logger });
  const hostMemory = new HostMemory(store, logger);
  const hosts: Hosts = new Hosts(clock, {
    workloadsChanged(host, uids) {
      hostMemory.note(host, hosts.get(host));
      catalog.workloadsChanged(host, uids);
    },
  });
  const wire = loadWire();
  const publisher = new Publisher(catalog, wire, { now });
  const members: Members = new Members(store, host => {
    hosts.remove(host);
    server.dismiss(host);
  });
  await members.load();
  const tokens = new TokenStore(store, fingerprintOf(authority.root), now);
  const signing = new Signing({ authority, members, tokens, nonces: new Nonces(now), now });
  const ready = Promise.withResolvers<void>();
  const refusals = new Refusals(now);
  const served = { wire, authority, members, signing, hosts, publisher, refusals, ready: ready.promise, logger, clock };
  const server: AgentServer = new AgentServer(served);
  const registries = new Registries({ registries: options.registries, catalog, store, clock, logger });
  const manager = { version: options.version, startedAt: now(), trustDomain };
  const inspect = new Inspection({ catalog, hosts, members, publisher, registries, refusals, manager });
  const removal = new Removal({
    members,
    hosts,
    tokens,
    services() {
      catalog.flush();
      return inspect.services();
    },
    now,
    logger,
  });
  return {
    store,
    clock,
    logger,
    authority,
    catalog,
    hosts,
    hostMemory,
    publisher,
    members,
    tokens,
    ready,
    server,
    registries,
    inspect,
    refusals,
    removal,
  };
}

function socketOf({ runDir }: ManagerOptions): string {
  return join(runDir, 'manager.sock');
}

async function startApi(options: ManagerOptions, parts: Parts, logger: Logger): Promise<ApiServer & AsyncDisposable> {
  const { store, inspect, tokens, removal, refusals, clock, authority } = parts;
  const server = await startApiServer({
    routes: createRoutes({ store, inspect, tokens, removal, clock, maximumWatches: MAXIMUM_WATCHES }),
    log: logger,
    onUnauthorized(from, why) {
      const { log, passedOver } = refusals.count('admin-token', from, why);
      if (log) logger.warn('a caller of the API was refused', { from, why, passedOver });
    },
    socketPath: socketOf(options),
    https: {
      host: options.api.address,
      port: options.api.port,
      certificate: apiCertificate(authority, options.api.address),
      token: adminToken(join(options.stateDir, 'admin-token')),
    },
  });
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}

/** What callers may know the API by, when it listens on an address. */
function namesOf(address: string): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap(
    list => list?.map(each => each.address.replace(/%.*/, '')) ?? [],
  );
  const listens = address === '::' || address === '0.0.0.0' ? all : [address];
  // A host's name that is none in DNS (underscores) would spoil the certificate.
  const own = /^[A-Za-z0-9.-]{1,253}$/.test(hostname()) ? [hostname()] : [];
  return [...new Set(['localhost', ...own, '127.0.0.1', '::1', ...listens])];
}

function apiCertificate(authority: Authority, address: string): ServerCertificate {
  const key = makeKey();
  return { key, cert: authority.issueApi(createPublicKey(createPrivateKey(key)), namesOf(address)).chain };
}

/** Renews the certificate of the REST API at half its life, until the signal aborts. */
async function keepApiFresh(
  api: ApiServer,
  issue: () => ServerCertificate,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    api.renew(issue());
    const due = renewAt(clock.now(), clock.now() + 7 * 24 * HOUR_MS, Math.random());
    while (clock.now() < due) {
      await clock.sleep(Math.min(HOUR_MS, due - clock.now()), signal).catch(() => undefined);
      if (signal.aborted) return;
    }
  }
}
