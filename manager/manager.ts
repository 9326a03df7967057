import { join } from 'node:path';
import type { Authority } from '../auth/ca/authority.ts';
import type { GivenAuthority } from '../auth/ca/given.ts';
import { NEW_CA } from '../auth/ca/renewal.ts';
import { fingerprintOf } from '../auth/ca/root.ts';
import type { ConfiguredRegistry } from '../registries/settings.ts';
import { CA_WARNING_MS } from './api/mesh-status.ts';
import { Catalog } from './catalog/catalog.ts';
import { VIRTUAL_RANGES, VirtualIps } from './catalog/virtual-ips.ts';
import { Withheld } from './catalog/withheld.ts';
import { joinedAnewText, removedText } from './distribution/caller.ts';
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
import { withPort } from './model/util/address.ts';
import { type Clock, systemClock } from './model/util/clock.ts';
import { messageOf } from './model/util/errors.ts';
import { readIfThere, writeAtomic } from './model/util/files.ts';
import type { Logger } from './model/util/log.ts';
import { doneOrAborted } from './model/util/until.ts';
import { serveApi, socketOf } from './serve-api.ts';
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

/**
 * Runs a Manager until the signal aborts. Logs `Manager is ready` once it serves.
 * @throws when it cannot start: a port is taken, the store or the CA cannot be used.
 */
export async function runManager(options: ManagerOptions, logger: Logger, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const parts = await assemble(options, logger);
  await keepRoots(join(options.stateDir, 'root.pem'), parts.authority.roots.join(''), logger);
  const { registries, hosts, hostMemory, withheld, server, publisher, catalog } = parts;
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
    const ended = sayWhenCaEnds(parts, logger);
    const { address, port } = options.agents;
    const agents = ended ? 'none' : withPort(address, await server.listen(address, port, ending));
    await using api = await serveApi(options, parts, logger, ending);
    logger.info('Manager is ready', { agents, api: api.url ?? 'none', socket: socketOf(options) });
    await Promise.all(running);
  } finally {
    over.abort();
    await Promise.allSettled(running);
    // When each was last heard of is remembered with what changes, and now.
    for (const [name, state] of hosts.all()) hostMemory.note(name, state);
    await Promise.all([hostMemory.flush(), withheld.flush()]);
  }
}

/**
 * Not a secret: whoever calls the API from elsewhere checks its certificate against it. The mesh does without: a disk that is full must not
 * keep a Manager from starting.
 */
async function keepRoots(file: string, roots: string, logger: Logger): Promise<void> {
  try {
    if (String(await readIfThere(file)) !== roots) await writeAtomic(file, roots, 0o644);
  } catch (error) {
    const next = 'mend that, and start the Manager anew; until then a caller of the API may not trust it';
    logger.warn('cannot write the roots of the mesh', { file, reason: messageOf(error), next });
  }
}

/** @returns whether it has ended already: then neither agents nor callers from elsewhere could trust what they are shown. */
function sayWhenCaEnds({ authority, clock }: Pick<Parts, 'authority' | 'clock'>, logger: Logger): boolean {
  const leftMs = authority.ends - clock.now();
  const ends = new Date(authority.ends).toISOString();
  if (leftMs <= 0)
    logger.error('the CA has ended: agents are not served, the API only on its socket', { ends, next: NEW_CA });
  else if (leftMs < CA_WARNING_MS) logger.warn('the CA ends soon', { ends, next: NEW_CA });
  return leftMs <= 0;
}

type Parts = Awaited<ReturnType<typeof assemble>>;

async function assemble(options: ManagerOptions, logger: Logger) {
  const { store, trustDomain, ca, version, clock = systemClock } = options;
  const now = (): number => clock.now();
  const authority = await loadAuthority(store, { trustDomain, now, ...(ca && { given: ca }) });
  const { catalog, withheld } = await makeCatalog(options, { authority, now, logger });
  const hostMemory = new HostMemory(store, logger);
  const hosts = makeHosts({ clock, catalog, hostMemory, logger });
  const wire = loadWire();
  const publisher = new Publisher(catalog, wire, { now, logger });
  const nonces = new Nonces(now);
  const remove = (host: string): void => {
    const state = hosts.get(host);
    if (state) withheld.hold(state);
    hosts.remove(host);
    dismiss(host, removedText(host));
  };
  const dismiss = (host: string, why: string): void => {
    nonces.forget(host);
    server.dismiss(host, why);
  };
  const members = new Members(store, remove, host => dismiss(host, joinedAnewText(host)));
  await members.load();
  const tokens = new TokenStore(store, fingerprintOf(authority.root), now);
  const signing = new Signing({ authority, members, tokens, nonces, now });
  const ready = Promise.withResolvers<void>();
  const refusals = new Refusals(now);
  const served = { wire, authority, members, signing, hosts, publisher, refusals, ready: ready.promise, logger, clock };
  const server: AgentServer = new AgentServer(served);
  const registries = new Registries({ registries: options.registries, catalog, store, clock, logger });
  const manager = { version, pid: process.pid, startedAt: now(), trustDomain, caEnds: authority.ends };
  const inspect = new Inspection({ catalog, hosts, members, publisher, registries, refusals, manager });
  const services = (): ReturnType<Inspection['services']> => {
    catalog.flush();
    return inspect.services();
  };
  const removal = new Removal({ members, hosts, tokens, withheld, services, now, logger });
  return {
    ...served,
    store,
    catalog,
    hostMemory,
    withheld,
    tokens,
    ready,
    server,
    registries,
    inspect,
    removal,
  };
}

/** The catalog, with what it holds over restarts. */
async function makeCatalog(
  { store, trustDomain, registries }: ManagerOptions,
  parts: { readonly authority: Authority; readonly now: () => number; readonly logger: Logger },
): Promise<{ readonly catalog: Catalog; readonly withheld: Withheld }> {
  const { authority, now, logger } = parts;
  const virtualIps = new VirtualIps(store, now);
  const withheld = new Withheld(store, now, logger);
  await Promise.all([virtualIps.load(), withheld.load()]);
  const settings = { trustDomain, roots: authority.roots, virtualRanges: VIRTUAL_RANGES };
  const names = registries.map(({ name }) => name);
  return { catalog: new Catalog({ registries: names, settings, virtualIps, withheld, logger }), withheld };
}

/** The hosts; what their workloads become is told to the catalog, and remembered. */
function makeHosts(parts: {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly hostMemory: HostMemory;
  readonly logger: Logger;
}): Hosts {
  const { clock, catalog, hostMemory, logger } = parts;
  const hosts: Hosts = new Hosts(
    clock,
    {
      workloadsChanged(host, uids) {
        hostMemory.note(host, hosts.get(host));
        catalog.workloadsChanged(host, uids);
      },
      hostArrived(state) {
        // Of one without workloads nothing else would be remembered: a Manager that starts anew would say that it never came.
        hostMemory.note(state.host.name, state);
        catalog.hostArrived(state);
      },
    },
    logger,
  );
  return hosts;
}
