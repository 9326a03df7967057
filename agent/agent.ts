import { join } from 'node:path';
import type { ResourceType } from '../manager/model/proto/wire.ts';
import { BeatClock } from '../manager/model/util/beat-clock.ts';
import type { Clock } from '../manager/model/util/clock.ts';
import { messageOf } from '../manager/model/util/errors.ts';
import { sweepUnfinished } from '../manager/model/util/files.ts';
import type { Logger } from '../manager/model/util/log.ts';
import { doneOrAborted } from '../manager/model/util/until.ts';
import type { Workload } from '../manager/model/workload.ts';
import type { LocalWorkload, PlatformProblem } from '../platforms/platform.ts';
import { Asking } from './asking.ts';
import { type Beginning, loadBeginning, ownFolder } from './beginning.ts';
import { Converge } from './converge.ts';
import { EnvoyAdmin } from './envoy/admin.ts';
import { AdsServer } from './envoy/ads/server.ts';
import { FLUSH_MS } from './envoy/launch.ts';
import { Gaps } from './gaps.ts';
import { HostNames } from './host-names/host-names.ts';
import { NameResolver } from './host-names/resolve.ts';
import { HostProxy } from './host-proxy.ts';
import { Certificates } from './keys/certificates.ts';
import { renewHostIdentity } from './keys/renew-host.ts';
import { Knowledge } from './knowledge.ts';
import { ManagerLink } from './manager/link.ts';
import type { HostFacts } from './manager/reporting.ts';
import { wantedFrom } from './manager/wanted.ts';
import { NameService } from './name-service.ts';
import type { AgentOptions } from './options.ts';
import { keepSockets } from './own-sockets.ts';
import { Reach } from './reach/reach.ts';
import { Redirect } from './redirect/redirect.ts';
import { ASKED_PORTS, PORTS } from './redirect/spec.ts';
import { Reports } from './reports.ts';
import { AdmittedLog } from './revoke/admitted-log.ts';
import { Revocation } from './revoke/revocation.ts';
import { Sockets } from './revoke/sockets.ts';
import { saveAccounts } from './state/accounts.ts';
import { saveCallers } from './state/callers.ts';
import { keeping } from './state/keeping.ts';
import { savePorts } from './state/remembered-ports.ts';
import { StatusReport } from './status/report.ts';
import { type StatusServer, serveStatus } from './status/server.ts';
import { followWorkloads } from './workloads/follow.ts';
import { RememberedWorkloads } from './workloads/remembered.ts';

/**
 * Runs a host's part of the mesh until the signal aborts. It begins with what lies on disk and needs no Manager for it. When it ends,
 * Envoy and the kernel's rules stay and traffic goes on; `uninstall` removes them.
 * @throws when it cannot begin: another agent runs, nftables is not there, a folder cannot be written.
 */
export async function runAgent(options: AgentOptions, logger: Logger, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const agent = new Agent(await loadBeginning(options, logger, AbortSignal.any([signal, over.signal])));
  const { host, runDir } = options;
  await using socket = await serveStatus(join(runDir, 'agent.sock'), agent.report);
  // No other agent runs.
  await sweepUnfinished(ownFolder(options.stateDir)).catch((error: unknown) =>
    logger.warn('cannot remove what an agent that was killed left unfinished', { reason: messageOf(error) }),
  );
  try {
    logger.info('agent is running', { host: host.name, address: host.address });
    await agent.run(socket);
  } finally {
    over.abort();
    await agent.ended();
  }
}

/** What is looked at again and again is so in one go, with the beats of one clock: this is the shortest such interval, milliseconds. */
const BEAT_MS = 250;

/** The parts of an agent, and what each tells the others. */
class Agent {
  readonly report: StatusReport;
  readonly #beginning: Beginning;
  readonly #startedAt = Date.now();
  readonly #clock: Clock = new BeatClock(BEAT_MS);
  readonly #knowledge: Knowledge;
  readonly #gaps: Gaps;
  readonly #ads: AdsServer;
  readonly #redirect: Redirect;
  readonly #proxy: HostProxy;
  readonly #certificates: Certificates;
  readonly #converge: Converge;
  readonly #link: ManagerLink;
  readonly #reports: Reports;
  readonly #asking: Asking;
  readonly #names: NameService;
  readonly #revocation: Revocation;
  readonly #hostNames: HostNames;
  readonly #reach: Reach;
  #problems: readonly PlatformProblem[] = [];
  /** Whether it is known what Envoy has in force: what is told before would take the workloads out of the mesh for a moment. */
  #settled = false;

  constructor(beginning: Beginning) {
    const { options, paths, holdings, logger } = beginning;
    const { identity, stateDir, host, envoy } = options;
    this.#beginning = beginning;
    this.#hostNames = this.#makeHostNames();
    // Whoever was in the mesh had one.
    const policyLost = (uid: string): boolean =>
      beginning.snapshot.lost.has('WorkloadPolicy') || beginning.accounts.of(uid) !== undefined;
    this.#knowledge = new Knowledge(holdings, identity, this.#hostNames, policyLost);
    this.#gaps = new Gaps({
      lost: beginning.snapshot.lost,
      holdings,
      services: () => this.#link.wants('ServiceView'),
      onClosed: () => this.#converge.changed(),
    });
    this.#ads = new AdsServer({
      socket: paths.xds,
      uid: envoy.uid,
      log: logger.child({ part: 'xds' }),
      lastGood: join(ownFolder(stateDir), 'last-good.json'),
      onStreamEnd: () => this.#proxy.suspect(),
      onMended: () => this.#converge.mended(),
      onListenerRefused: name => this.#converge.refused(name),
    });
    this.#redirect = new Redirect({
      stateDir: ownFolder(stateDir),
      logger: logger.child({ part: 'redirect' }),
      clock: this.#clock,
    });
    this.#proxy = new HostProxy(options, paths, logger, () => this.#converge.changed());
    this.#reports = new Reports(host, { agent: options.version, envoy: envoy.version }, this.#startedAt);
    this.#certificates = this.#makeCertificates();
    this.#converge = this.#makeConverge();
    this.#link = this.#makeLink();
    this.#asking = this.#makeAsking();
    this.#names = this.#makeNames();
    this.#revocation = this.#makeRevocation();
    this.#reach = new Reach({
      admin: new EnvoyAdmin({ socket: paths.admin }),
      address: host.address,
      workloads: () => this.#converge.members().map(({ input }) => input.local),
      logger,
      clock: this.#clock,
    });
    this.report = this.#makeReport();
  }

  #makeHostNames(): HostNames {
    const { options, logger } = this.#beginning;
    const resolver = new NameResolver();
    return new HostNames({
      path: join(ownFolder(options.stateDir), 'host-names.json'),
      resolve: (name, until) => resolver.resolve(name, until),
      onChange: () => this.#converge.changed(),
      logger: logger.child({ part: 'host names' }),
    });
  }

  #makeCertificates(): Certificates {
    const { options, logger } = this.#beginning;
    return new Certificates({
      folder: join(ownFolder(options.stateDir), 'certificates'),
      sign: (key, name, until) => this.#link.sign(key, name, until),
      roots: () => this.#roots(),
      onChange: () => this.#certificatesChanged(),
      logger,
    });
  }

  #makeConverge(): Converge {
    const { options, settings, ports, callers, accounts, logger, signal } = this.#beginning;
    const keptPorts = keeping('the outbound ports of workloads', () => savePorts(options.stateDir, ports), logger);
    const keptCallers = keeping('who called from this host', () => saveCallers(options.stateDir, callers), logger);
    const saved = (): Promise<void> => saveAccounts(options.stateDir, accounts);
    const keptAccounts = keeping('which service accounts the workloads have', saved, logger);
    return new Converge({
      agent: options,
      settings,
      knowledge: this.#knowledge,
      gaps: this.#gaps,
      certificates: this.#certificates,
      ports,
      callers,
      accounts,
      ads: this.#ads,
      proxy: this.#proxy,
      redirect: this.#redirect,
      names: () => this.#names.captured(),
      onMembers: () => this.#names.membersChanged(),
      onPorts: () => void keptPorts.call(),
      onCallers: () => void keptCallers.call(),
      onAccounts: () => void keptAccounts.call(),
      onInForce: () => {
        this.#settled = true;
        this.#revocation.changed();
        void this.#tellOnceKept();
      },
      logger,
      signal,
    });
  }

  #makeLink(): ManagerLink {
    const { options, wire, holdings, snapshot, accounts, logger } = this.#beginning;
    return new ManagerLink({
      wire,
      identity: options.identity,
      holdings,
      wanted: wantedFrom(holdings, snapshot.lost),
      facts: () => this.#facts(),
      onChange: type => this.#came(type),
      // The Manager refuses it now, say. Without one it would leave the mesh, and be open to callers that this one refuses.
      keeps: (type, name) => type === 'WorkloadPolicy' && accounts.of(name) !== undefined,
      onConnected: () => {
        this.#certificates.retry();
        this.#gaps.connected();
      },
      onDisconnected: () => this.#gaps.disconnected(),
      logger,
    });
  }

  #makeAsking(): Asking {
    return new Asking({
      knowledge: this.#knowledge,
      wanted: () => this.#link.wants('ServiceView'),
      subscribe: (type, names) => this.#link.subscribe(type, names),
      unsubscribe: (type, names) => this.#link.unsubscribe(type, names),
      applied: async until => {
        await this.#converge.now();
        if (await this.#hostNames.settled(until)) await this.#converge.now();
        // Were this agent killed before it is on disk, the next one would take the service from Envoy again.
        await this.#ads.applied(until);
        await doneOrAborted(this.#beginning.snapshot.flush(), until);
      },
    });
  }

  #makeNames(): NameService {
    const { options, logger, signal } = this.#beginning;
    return new NameService({
      redirect: this.#redirect,
      proxyUid: options.envoy.uid,
      virtualRanges: () => this.#knowledge.mesh().virtualRanges,
      names: () => this.#knowledge.names(),
      members: () => this.#converge.members(),
      onQuery: (hostname, until) => this.#asking.ask(hostname, AbortSignal.any([signal, until])),
      onServers: () => this.#converge.changed(),
      logger,
      clock: this.#clock,
    });
  }

  #makeRevocation(): Revocation {
    const { options, paths, settings, logger } = this.#beginning;
    const admin = new EnvoyAdmin({ socket: paths.admin });
    const reopen = (): Promise<void> => admin.reopenLogs();
    return new Revocation({
      workloads: () => this.#converge.members().flatMap(({ input, state }) => (state === 'joined' ? [input] : [])),
      inForce: () => this.#converge.inForce(),
      log: new AdmittedLog({ path: settings.admittedLog, reopen, logger }),
      sockets: new Sockets(options.envoy.uid),
      namespaces: settings.namespaces,
      flushMs: 2 * FLUSH_MS,
      logger: logger.child({ part: 'revocation' }),
    });
  }

  #makeReport(): StatusReport {
    return new StatusReport({
      options: this.#beginning.options,
      startedAt: this.#startedAt,
      link: this.#link,
      converge: this.#converge,
      certificates: this.#certificates,
      ads: this.#ads,
      proxy: this.#proxy,
      problems: () => {
        const parts = [this.#gaps, this.#revocation, this.#knowledge, this.#names, this.#asking, this.#reach];
        const all = [this.#beginning.snapshot, this.#redirect, ...parts];
        return [...this.#problems, ...all.flatMap(part => part.problems())];
      },
    });
  }

  /** Runs until the signal aborts. @throws when it cannot begin. */
  async run(socket: StatusServer): Promise<void> {
    const { options, logger, signal } = this.#beginning;
    await this.#names.begin();
    await this.#hostNames.load();
    await this.#ads.start();
    const { identity, stateDir } = options;
    await Promise.all([
      this.#follow(),
      this.#link.run(signal),
      this.#certificates.run(signal),
      this.#redirect.run(signal),
      this.#names.run(signal),
      this.#revocation.run(signal),
      this.#hostNames.run(signal),
      this.#reach.run(signal),
      keepSockets([this.#ads, socket], { clock: this.#clock, logger, folder: options.runDir }, signal),
      renewHostIdentity({ identity, stateDir, link: this.#link, logger }, signal),
    ]);
  }

  /** Once the signal aborted: resolves when it changes nothing on this host any more. */
  async ended(): Promise<void> {
    await this.#converge.ended();
    await this.#beginning.snapshot.flush();
    await this.#ads.close();
  }

  async #follow(): Promise<void> {
    const { options, logger, signal } = this.#beginning;
    await followWorkloads({
      platforms: options.platforms,
      remembered: await RememberedWorkloads.load(ownFolder(options.stateDir), logger),
      ownPorts: [PORTS.inbound, PORTS.outbound, PORTS.dns, ...ASKED_PORTS, options.host.tunnelPort],
      onChange: (workloads, problems, waiting) => {
        this.#problems = problems;
        void this.#take(workloads, waiting);
      },
      logger,
      signal,
    });
  }

  async #take(workloads: readonly LocalWorkload[], waiting: readonly Workload[]): Promise<void> {
    try {
      await this.#converge.workloads(workloads, waiting);
      if (this.#settled) this.#tell();
    } catch (error) {
      const { logger } = this.#beginning;
      logger.error('cannot take the workloads of the host', { reason: messageOf(error) });
    }
  }

  /** Something came from the Manager. */
  #came(type: ResourceType): void {
    const { snapshot } = this.#beginning;
    snapshot.changed(type);
    // Few and small, and an agent that starts with an old one would weaken the policy of its workloads.
    if (type === 'WorkloadPolicy') void snapshot.flush();
    if (type === 'MeshSettings') {
      this.#certificates.rootsChanged();
      this.#giveSecrets();
    }
    if (type === 'ServiceName') this.#names.changed();
    else this.#converge.changed();
    if (type === 'ServiceView' || type === 'InstanceList') this.#asking.came();
  }

  #certificatesChanged(): void {
    this.#giveSecrets();
    this.#converge.changed();
  }

  #giveSecrets(): void {
    this.#ads.setSecrets(this.#certificates.usable(), this.#roots());
  }

  #roots(): string {
    return this.#knowledge.mesh().roots.join('\n');
  }

  /** Tells the Manager which workloads are here and what is in force for them, if that is news. */
  #tell(): void {
    const workloads = this.#converge.members().map(({ input }) => input.local);
    if (this.#reports.workloads(workloads, this.#converge.inForce())) this.#link.report();
  }

  /** A policy that callers rely on must outlive this agent: the next one would put the one before in force again. */
  async #tellOnceKept(): Promise<void> {
    await this.#beginning.snapshot.flush();
    this.#tell();
  }

  #facts(): HostFacts {
    this.#reports.status(this.report.rejections(), this.#ads.connections > 0);
    return this.#reports.facts();
  }
}
