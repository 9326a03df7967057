import type { HostState, Hosts } from '../hosts/hosts.ts';
import type { Members } from '../hosts/members.ts';
import type { ReportedWorkload } from '../model/proto/messages.ts';
import type { Logger } from '../model/util/log.ts';
import type { Host } from '../model/workload.ts';
import type { Store } from '../store/store.ts';
import { Memory } from './memory.ts';

/** What is remembered of a host. */
interface Remembered {
  readonly host: Host;
  readonly workloads: readonly ReportedWorkload[];
  /** Milliseconds since 1970. */
  readonly lastHeard: number;
}

/** The last report of each host, over restarts: so that its instances do not leave the mesh and come back because the Manager restarted. */
export class HostMemory {
  readonly #memory: Memory<Remembered>;

  constructor(store: Store, logger: Logger) {
    this.#memory = new Memory(store, 'reports/', logger);
  }

  /** Gives each host that still belongs to the mesh a full lease to be heard of. @throws {StoreError} */
  async restore(hosts: Hosts, members: Pick<Members, 'get'>): Promise<void> {
    for (const [name, { host, workloads, lastHeard }] of await this.#memory.load()) {
      if (!members.get(name)) this.#memory.set(name, undefined);
      else
        hosts.restore(name, {
          host,
          lastHeard,
          status: undefined,
          refused: [],
          workloads: new Map(workloads.map(one => [one.uid, one])),
        });
    }
  }

  /** Remembers a host as it is now. A host whose lease ended is forgotten: after a restart it must report before it counts. */
  note(name: string, state: HostState | undefined): void {
    if (!state?.alive) this.#memory.set(name, undefined);
    else
      this.#memory.set(name, {
        host: state.host,
        workloads: [...state.workloads.values()],
        lastHeard: state.lastHeard,
      });
  }

  flush(): Promise<void> {
    return this.#memory.flush();
  }
}
