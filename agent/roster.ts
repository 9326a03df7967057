import type { Logger } from '../manager/model/util/log.ts';
import type { Workload } from '../manager/model/workload.ts';
import type { LocalWorkload } from '../platforms/platform.ts';
import { callersAt } from './capture.ts';
import type { HostSettings, Problem } from './compile/input.ts';
import { identityOf } from './compile/tls.ts';
import type { Certificates } from './keys/certificates.ts';
import type { Knowledge } from './knowledge.ts';
import { type Member, Members } from './members.ts';
import type { AgentOptions } from './options.ts';
import type { Accounts } from './state/accounts.ts';
import { heldPorts } from './state/held-ports.ts';
import type { OutboundPorts } from './state/outbound-ports.ts';
import { confined, otherwiseCalled, portless, Unserved } from './unserved.ts';
import { linkNamespaces } from './workloads/namespace-links.ts';

/** What the workloads of a host are made members of the mesh with. */
export interface RosterOptions {
  readonly agent: { readonly envoy: Pick<AgentOptions['envoy'], 'uid'> };
  readonly settings: Pick<HostSettings, 'namespaces'>;
  readonly knowledge: Pick<Knowledge, 'mesh' | 'policy'>;
  readonly certificates: Pick<Certificates, 'has' | 'reason' | 'want'>;
  readonly ports: OutboundPorts;
  readonly accounts: Accounts;
  /** Workloads came or went, or got other ports: who remembers the ports has to look. */
  readonly onPorts: () => void;
  /** Workloads have other service accounts, or are other users, than before: who remembers them has to look. */
  readonly onAccounts: () => void;
  readonly logger: Logger;
}

/** The workloads of the host, each with what Envoy needs to serve it: a certificate, a port, a link to its network namespace. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #members = new Members();
  readonly #unserved: Unserved;
  /** What certificates were asked for last: for whom, and which. */
  #latest: readonly LocalWorkload[] = [];
  #waiting: readonly Workload[] = [];
  #wanted: ReadonlySet<string> = new Set();
  #workloads: readonly LocalWorkload[] | undefined;
  #all: readonly Member[] = [];
  /** Those whose namespaces have their links. */
  #linked: readonly LocalWorkload[] | undefined;
  #unlinked: readonly Problem[] = [];
  /** Listeners that Envoy refused since the last update. */
  readonly #refused = new Set<string>();

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#unserved = new Unserved(options.logger);
  }

  /** Those that there is a port for. */
  all(): readonly Member[] {
    return this.#all;
  }

  /**
   * Asks for the certificates of workloads, and of what some of them are until they are given theirs. Those on disk are there when it resolves.
   * @param waiting workloads that may come.
   * @returns whether no others were asked for meanwhile.
   */
  async want(workloads: readonly LocalWorkload[], waiting: readonly Workload[]): Promise<boolean> {
    this.#latest = workloads;
    this.#waiting = waiting;
    this.#wanted = this.#identities(workloads);
    await this.#options.certificates.want(this.#wanted);
    return this.#latest === workloads;
  }

  /** Drops the certificates that nobody needs any more. For when Envoy has the new ones in use. */
  async dropCertificates(): Promise<void> {
    if (!this.#wanted.isSubsetOf(this.#identities(this.#latest))) await this.want(this.#latest, this.#waiting);
  }

  /** Those of the workloads, and those that some have until they are given theirs. */
  #identities(workloads: readonly LocalWorkload[]): ReadonlySet<string> {
    const { knowledge, accounts } = this.#options;
    const { trustDomain } = knowledge.mesh();
    const all = [...workloads.map(({ workload }) => workload), ...this.#waiting];
    const identities = all.flatMap(workload => {
      const { serviceAccount } = accounts.of(workload.uid) ?? workload;
      return [workload, { ...workload, serviceAccount }].map(each => identityOf(each, trustDomain));
    });
    return new Set(identities);
  }

  /** Envoy refused a listener: a program may have taken its port before Envoy could listen there. */
  refused(listener: string): void {
    this.#refused.add(listener);
  }

  /** Links the namespaces of all workloads, then gives these their ports. */
  async update(workloads: readonly LocalWorkload[]): Promise<void> {
    if (this.#linked !== workloads) {
      this.#unlinked = await linkNamespaces(this.#options.settings.namespaces, workloads);
      this.#linked = this.#unlinked.length === 0 ? workloads : undefined;
    }
    this.#assign(workloads);
  }

  /** Whether a port, or a link, that some lack may be had later. */
  get lacks(): boolean {
    return this.#unlinked.length > 0 || this.#portless().length > 0;
  }

  /** The workloads that are not served now; each is logged once. @param reason why Envoy has not the rights for some. */
  leftOut(reason: string | undefined): readonly Problem[] {
    return this.#unserved.update([...this.#unlinked, ...confined(this.#all, reason), ...this.#portless()]);
  }

  /** The workloads that are served as what they were before. */
  outdated(): readonly Problem[] {
    const { certificates, knowledge } = this.#options;
    const { trustDomain } = knowledge.mesh();
    return otherwiseCalled(this.#workloads ?? [], this.#all, ({ workload }) =>
      certificates.reason(identityOf(workload, trustDomain)),
    );
  }

  #portless(): readonly Problem[] {
    return portless(this.#workloads ?? [], this.#all);
  }

  /** Those whose listeners were refused get other ports, if a program has theirs. */
  #assign(workloads: readonly LocalWorkload[]): void {
    const { agent, knowledge, certificates, ports, onPorts, accounts, onAccounts } = this.#options;
    const uids = callersAt(this.#all, this.#refused).map(({ input }) => input.local.workload.uid);
    this.#refused.clear();
    const doubted = ports.doubt(uids);
    const before = { workloads: this.#workloads, members: this.#all.length };
    this.#workloads = workloads;
    this.#all = this.#members.update(workloads, {
      trustDomain: knowledge.mesh().trustDomain,
      ports,
      held: () => heldPorts(agent.envoy.uid),
      policy: uid => knowledge.policy(uid),
      certified: identity => certificates.has(identity),
      before: uid => accounts.of(uid),
    });
    if (doubted || before.workloads !== workloads || before.members !== this.#all.length) onPorts();
    const here = [...[...workloads, ...this.#latest].map(({ workload }) => workload), ...this.#waiting];
    const joined = this.#all.flatMap(({ input, state }) => (state === 'joined' ? [input.local] : []));
    if (accounts.update(new Set(here.map(({ uid }) => uid)), joined)) onAccounts();
  }
}
