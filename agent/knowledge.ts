import type { MeshSettings, ServiceName, ServiceView, WorkloadPolicy } from '../manager/model/host-view.ts';
import type { Instance } from '../manager/model/instance.ts';
import { MESH_SETTINGS_NAME } from '../manager/model/proto/wire.ts';
import type { PlatformProblem } from '../platforms/platform.ts';
import type { HostInput, HostSettings, ServiceInput } from './compile/input.ts';
import type { HostNames } from './host-names/host-names.ts';
import { hostNamesOf, placed } from './host-names/placed.ts';
import type { HostIdentity } from './keys/host-identity.ts';
import { LostPolicies } from './lost-policies.ts';
import type { Holdings } from './manager/holdings.ts';
import type { Member } from './members.ts';
import type { AgentOptions } from './options.ts';

/** A service with what its input was made from. */
interface Held {
  readonly listed: readonly Instance[];
  readonly names: readonly string[];
  readonly addresses: readonly (readonly string[] | undefined)[];
  readonly input: ServiceInput;
}

/** What the host holds of the mesh, as the compiler takes it. Objects stay the same while nothing in them changed. */
export class Knowledge {
  readonly #holdings: Holdings;
  readonly #identity: HostIdentity;
  readonly #hostNames: Pick<HostNames, 'addresses' | 'want'>;
  #services = new Map<string, Held>();
  #settings: MeshSettings | undefined;
  #named = false;
  readonly #lost = new LostPolicies();
  readonly #isLost: (uid: string) => boolean;

  /** @param policyLost whether a workload, by its uid, had a policy on disk, or may have had one, that cannot be read. */
  constructor(
    holdings: Holdings,
    identity: HostIdentity,
    hostNames: Pick<HostNames, 'addresses' | 'want'>,
    policyLost: (uid: string) => boolean = () => false,
  ) {
    this.#isLost = policyLost;
    this.#holdings = holdings;
    this.#identity = identity;
    this.#hostNames = hostNames;
  }

  /** Facts of the mesh; before the Manager told them, what the host learnt when it joined. */
  mesh(): MeshSettings {
    const told = this.#holdings.get('MeshSettings', MESH_SETTINGS_NAME);
    const { trustDomain, roots } = this.#identity;
    this.#settings = told ?? this.#settings ?? { trustDomain, roots: [roots], virtualRanges: [] };
    return this.#settings;
  }

  /** All services of the mesh; undefined before any was known. */
  names(): readonly ServiceName[] | undefined {
    const names = [...this.#holdings.entries('ServiceName')].map(([, name]) => name);
    this.#named ||= names.length > 0;
    return this.#named ? names : undefined;
  }

  /** @returns undefined when the Manager has given none yet. */
  policy(uid: string): WorkloadPolicy | undefined {
    const policy = this.#holdings.get('WorkloadPolicy', uid);
    if (policy !== undefined) this.#lost.found(uid);
    return policy ?? (this.#isLost(uid) ? this.#lost.of(uid) : undefined);
  }

  /** What of it cannot be had. */
  problems(): readonly PlatformProblem[] {
    return this.#lost.problems();
  }

  /** Whether everything that calls to this service need is here. */
  holds(hostname: string): boolean {
    return (
      this.#holdings.get('ServiceView', hostname) !== undefined &&
      this.#holdings.get('InstanceList', hostname) !== undefined
    );
  }

  /** The services that this host uses, those of which both parts have come. */
  services(): ReadonlyMap<string, ServiceInput> {
    const services = new Map<string, Held>();
    for (const [hostname, view] of this.#holdings.entries('ServiceView')) {
      const instances = this.#holdings.get('InstanceList', hostname)?.instances;
      if (!instances) continue;
      services.set(hostname, this.#held(this.#services.get(hostname), view, instances));
    }
    this.#services = services;
    this.#hostNames.want(new Set([...services.values()].flatMap(({ names }) => names)));
    return new Map([...services].map(([hostname, { input }]) => [hostname, input]));
  }

  #held(before: Held | undefined, view: ServiceView, listed: readonly Instance[]): Held {
    const names = before?.listed === listed ? before.names : hostNamesOf(listed);
    const addresses = names.map(name => this.#hostNames.addresses(name));
    const same = before?.listed === listed && addresses.every((found, index) => found === before.addresses[index]);
    if (same && before.input.view === view) return before;
    const instances = same
      ? before.input.instances
      : names.length === 0
        ? listed
        : placed(listed, name => this.#hostNames.addresses(name));
    return { listed, names, addresses, input: { view, instances } };
  }

  /** The compiler's input. @param members those who joined. @param left see {@link HostInput}. */
  input(
    members: readonly Member[],
    left: readonly string[],
    host: AgentOptions['host'],
    settings: HostSettings,
  ): HostInput {
    const workloads = members.map(({ input }) => input);
    return { host, mesh: this.mesh(), workloads, left, services: this.services(), settings };
  }
}
