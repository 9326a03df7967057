import type { MeshSettings, ServiceName, WorkloadPolicy } from '../manager/model/host-view.ts';
import { MESH_SETTINGS_NAME } from '../manager/model/proto/wire.ts';
import type { HostInput, HostSettings, ServiceInput } from './compile/input.ts';
import type { HostIdentity } from './keys/host-identity.ts';
import type { Holdings } from './manager/holdings.ts';
import type { Member } from './members.ts';
import type { AgentOptions } from './options.ts';

/** What the host holds of the mesh, as the compiler takes it. Objects stay the same while nothing in them changed. */
export class Knowledge {
  readonly #holdings: Holdings;
  readonly #identity: HostIdentity;
  #services = new Map<string, ServiceInput>();
  #settings: MeshSettings | undefined;

  constructor(holdings: Holdings, identity: HostIdentity) {
    this.#holdings = holdings;
    this.#identity = identity;
  }

  /** Facts of the mesh; before the Manager told them, what the host learnt when it joined. */
  mesh(): MeshSettings {
    const told = this.#holdings.get('MeshSettings', MESH_SETTINGS_NAME);
    const { trustDomain, roots } = this.#identity;
    this.#settings = told ?? this.#settings ?? { trustDomain, roots: [roots], virtualRanges: [] };
    return this.#settings;
  }

  /** All services of the mesh; undefined before any is known. */
  names(): readonly ServiceName[] | undefined {
    const names = [...this.#holdings.entries('ServiceName')].map(([, name]) => name);
    return names.length > 0 ? names : undefined;
  }

  policy(uid: string): WorkloadPolicy | undefined {
    return this.#holdings.get('WorkloadPolicy', uid);
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
    const services = new Map<string, ServiceInput>();
    for (const [hostname, view] of this.#holdings.entries('ServiceView')) {
      const instances = this.#holdings.get('InstanceList', hostname)?.instances;
      if (!instances) continue;
      const before = this.#services.get(hostname);
      const same = before?.view === view && before.instances === instances;
      services.set(hostname, same ? before : { view, instances });
    }
    this.#services = services;
    return services;
  }

  /** The compiler's input. @param members those who joined. */
  input(members: readonly Member[], host: AgentOptions['host'], settings: HostSettings): HostInput {
    const workloads = members.map(({ input }) => input);
    return { host, mesh: this.mesh(), workloads, services: this.services(), settings };
  }
}
