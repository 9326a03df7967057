import type { ServiceName } from '../manager/model/host-view.ts';
import type { Clock } from '../manager/model/util/clock.ts';
import { type Debounced, debounce } from '../manager/model/util/debounce.ts';
import type { Logger } from '../manager/model/util/log.ts';
import type { LocalWorkload, PlatformProblem } from '../platforms/platform.ts';
import type { Answerer } from './dns/answerer.ts';
import { type Asker, uidOfAsker } from './dns/asker.ts';
import { type Inside, NamespaceServers } from './dns/namespace/servers.ts';
import { followResolvConf, readResolvConf } from './dns/resolv-conf.ts';
import { DnsServer } from './dns/server.ts';
import type { Member } from './members.ts';
import { keepDnsCaptured } from './redirect/heartbeat.ts';
import { unusedAddress } from './redirect/presence.ts';
import type { Redirect } from './redirect/redirect.ts';
import { ASKED_PORTS, type HostCapture, PORTS } from './redirect/spec.ts';

export interface NameServiceOptions {
  /** All services of the mesh; undefined before anything is known of them. */
  readonly names: () => readonly ServiceName[] | undefined;
  readonly members: () => readonly Member[];
  readonly redirect: Pick<Redirect, 'askedServer' | 'suspect'>;
  readonly proxyUid: number;
  readonly virtualRanges: () => readonly string[];
  /** Someone asked for a service; resolves when it is ready to be called. Who asks waits until the signal aborts. */
  readonly onQuery: (hostname: string, signal: AbortSignal) => Promise<void>;
  /** The host's own name servers are other ones now. */
  readonly onServers: () => void;
  readonly logger: Logger;
  readonly clock: Clock;
}

const RESOLV_CONF = '/etc/resolv.conf';
const QUIET_MS = 5;
const CEILING_MS = 50;

/** The host's name server, kept true to what the mesh and the host's resolv.conf say. */
export class NameService {
  readonly #options: NameServiceOptions;
  readonly #soon: Debounced;
  #server: DnsServer | undefined;
  #namespaces: NamespaceServers | undefined;
  #servers: readonly string[] = [];
  /** Until it is known which can be had, all: questions may be captured since an earlier life. */
  #ports = ASKED_PORTS;

  constructor(options: NameServiceOptions) {
    this.#options = options;
    this.#soon = debounce(() => this.#set(), QUIET_MS, CEILING_MS);
  }

  /** Addresses of the host's own name servers, and where questions to them are taken. */
  captured(): Pick<HostCapture, 'dnsServers' | 'askedPorts'> {
    return { dnsServers: this.#servers, askedPorts: this.#ports };
  }

  /** Services came or went. */
  changed(): void {
    this.#soon.call();
  }

  /** What it is too busy for. */
  problems(): readonly PlatformProblem[] {
    return this.#server?.answerer.overload.problems() ?? [];
  }

  /** Workloads came or went. */
  membersChanged(): void {
    this.#namespaces?.wake();
  }

  /** Learns the host's name servers; comes before anything is captured. */
  async begin(): Promise<void> {
    this.#servers = (await readResolvConf(RESOLV_CONF)).servers;
  }

  /** Answers until the signal aborts. @throws when its port is taken. */
  async run(signal: AbortSignal): Promise<void> {
    const { onQuery, virtualRanges, onServers, logger, clock } = this.#options;
    const resolvers = await readResolvConf(RESOLV_CONF);
    await using server = await DnsServer.start({
      port: PORTS.dns,
      otherPorts: ASKED_PORTS,
      resolvers,
      onQuery,
      virtualRanges,
      namespaceOf: asker => this.#namespaceOf(asker),
      logger: logger.child({ part: 'dns' }),
    });
    this.#server = server;
    this.#ports = server.otherPorts;
    onServers();
    this.#set();
    const follow = followResolvConf(
      RESOLV_CONF,
      {
        onChange: found => {
          server.setResolvers(found);
          this.#servers = found.servers;
          onServers();
        },
        onUnreadable: reason => logger.warn("cannot read the host's name servers; those before stay", { reason }),
      },
      signal,
      clock,
    );
    this.#namespaces = this.#inside(server.answerer);
    try {
      await Promise.all([follow, keepDnsCaptured(signal, PORTS.dns, clock), this.#namespaces.run(signal)]);
    } finally {
      this.#soon.cancel();
      this.#server = undefined;
      this.#namespaces = undefined;
    }
  }

  #set(): void {
    const names = this.#options.names();
    if (names) this.#server?.answerer.setNames(names);
  }

  /** The name servers inside the network namespaces of workloads. */
  #inside(answerer: Answerer): NamespaceServers {
    const { members, redirect, proxyUid, virtualRanges, logger, clock } = this.#options;
    return new NamespaceServers({
      answerer,
      proxyUid,
      wanted: () => members().flatMap(({ input: { local } }) => insideOf(local)),
      serverOf: (path, family, port) => redirect.askedServer(path, family, port),
      onRulesGone: path => redirect.suspect(path),
      virtualAddress: () => unusedAddress(virtualRanges()),
      logger: logger.child({ part: 'dns' }),
      clock,
    });
  }

  async #namespaceOf(asker: Asker): Promise<string | undefined> {
    const uid = await uidOfAsker(asker);
    const member = this.#options
      .members()
      .find(({ input: { local } }) => local.selector.kind === 'user' && local.selector.uid === uid);
    return member?.input.local.workload.namespace;
  }
}

function insideOf({ selector, workload: { namespace } }: LocalWorkload): readonly Inside[] {
  return selector.kind === 'namespace' ? [{ path: selector.path, id: selector.id, namespace }] : [];
}
