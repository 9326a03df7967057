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
  /** Whether its lease had ended. */
  readonly lapsed: boolean;
  /** Whether its reports came from its address. */
  readonly proven?: boolean;
}

/** Short, since what is lost with a kill of the Manager is known again only when the host comes back. */
const GATHERING = { quietMs: 20, ceilingMs: 1_000 };

/** The last report of each host, over restarts: so that its instances do not leave the mesh and come back because the Manager restarted. */
export class HostMemory {
  readonly #memory: Memory<Remembered>;

  constructor(store: Store, logger: Logger) {
    this.#memory = new Memory(store, 'reports/', logger, GATHERING);
  }

  /** Gives each host that still belongs to the mesh, and was heard of before, a full lease to be heard of again. @throws {StoreError} */
  async restore(hosts: Hosts, members: Pick<Members, 'get'>): Promise<void> {
    for (const [name, { host, workloads, lastHeard, lapsed, proven = false }] of await this.#memory.load()) {
      if (!members.get(name)) this.#memory.set(name, undefined);
      else
        hosts.restore(name, {
          host,
          lastHeard,
          alive: !lapsed,
          proven,
          status: undefined,
          refused: [],
          workloads: new Map(workloads.map(one => [one.uid, one])),
        });
    }
  }

  /**
   * Remembers a host as it is now, or forgets one that no longer belongs to the mesh. One whose lease ended is remembered too: what
   * registries list on it must not be dialled past its agent.
   */
  note(name: string, state: HostState | undefined): void {
    this.#memory.set(name, state && remembered(state));
  }

  flush(): Promise<void> {
    return this.#memory.flush();
  }
}

function remembered({ host, workloads, lastHeard, alive, proven }: HostState): Remembered {
  return { host, workloads: [...workloads.values()], lastHeard, lapsed: !alive, proven };
}
