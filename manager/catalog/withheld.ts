import { Memory } from '../feed/memory.ts';
import type { HostState } from '../hosts/hosts.ts';
import type { ReportedWorkload } from '../model/proto/messages.ts';
import { placeOf } from '../model/util/address.ts';
import type { Logger } from '../model/util/log.ts';
import type { Host } from '../model/workload.ts';
import type { Store } from '../store/store.ts';
import { WorkloadIndex } from './workload-index.ts';

/**
 * A removed host is forgotten when no registry has listed its workloads for so long, milliseconds. Not at once: what registers itself is
 * often gone for a moment.
 */
const KEEP_MS = 24 * 3_600_000;

const GATHERING = { quietMs: 20, ceilingMs: 1_000 };

/** What is remembered of a removed host. */
interface Remembered {
  readonly host: Host;
  readonly workloads: readonly ReportedWorkload[];
  /** Since when no registry lists any of them, milliseconds since 1970. */
  readonly unlistedSince?: number;
}

interface Held extends Remembered {
  /** Services with instances where the workloads listened. */
  readonly listedBy: Set<string>;
}

/** The workload of a removed host that listened at a place. */
export interface WithheldWorkload {
  /** Names the removed host here: one name may have been removed at several addresses. */
  readonly key: string;
  readonly host: string;
  /** Its uid. */
  readonly workload: string;
}

/**
 * Where the workloads of removed hosts listened. Callers reached them with mTLS; what a registry still lists there must not become a
 * target for plaintext because a host was taken out, perhaps since it was broken into. It is held back until the machine belongs to the
 * mesh again, a person says otherwise, or no registry has listed it for a day; over restarts of the Manager too.
 */
export class Withheld {
  readonly #memory: Memory<Remembered>;
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();
  readonly #index = new WorkloadIndex();
  #onReleased: (endpoints: ReadonlySet<string>) => void = () => {};

  /** @param now milliseconds since 1970. */
  constructor(store: Store, now: () => number, logger: Logger) {
    this.#memory = new Memory(store, 'removed/', logger, GATHERING);
    this.#now = now;
  }

  /** @param onReleased takes the endpoints where instances may now be reached otherwise. */
  connect(onReleased: (endpoints: ReadonlySet<string>) => void): void {
    this.#onReleased = onReleased;
  }

  /** Reads the store. What was listed counts as unlisted until a registry speaks of it again. @throws {StoreError} */
  async load(): Promise<void> {
    for (const [key, { unlistedSince = this.#now(), ...remembered }] of await this.#memory.load())
      this.#put(key, { ...remembered, unlistedSince, listedBy: new Set() });
    this.#sweep();
  }

  /** Holds back what is listed where the workloads of a host listen, once the host itself is gone. */
  hold({ host, workloads }: HostState): void {
    this.#sweep();
    if (workloads.size === 0) return;
    const key = keyOf(host);
    const listedBy = this.#held.get(key)?.listedBy ?? new Set<string>();
    this.#drop(key);
    const remembered = {
      host,
      workloads: [...workloads.values()],
      ...(listedBy.size === 0 && { unlistedSince: this.#now() }),
    };
    this.#put(key, { ...remembered, listedBy });
    this.#memory.set(key, remembered);
  }

  /** Writes what is not written yet. */
  flush(): Promise<void> {
    return this.#memory.flush();
  }

  /** The workload of a removed host that listened at an address on one of the ports. */
  find(network: string, address: string, ports: readonly number[]): WithheldWorkload | undefined {
    const found = this.#index.find(network, address, ports);
    if (!found) return undefined;
    const key = keyOf(found.host);
    if (!this.#isOver(key)) return { key, host: found.host.name, workload: found.workload.uid };
    this.#forget(key);
    return this.find(network, address, ports);
  }

  /** Notes which removed hosts a service is listed on. @param keys as `find` gave them. */
  listed(hostname: string, keys: ReadonlySet<string>): void {
    for (const [key, held] of this.#held) {
      const before = held.listedBy.size > 0;
      if (keys.has(key)) held.listedBy.add(hostname);
      else held.listedBy.delete(hostname);
      const after = held.listedBy.size > 0;
      if (before === after) continue;
      const { host, workloads, listedBy } = held;
      const remembered = { host, workloads, ...(!after && { unlistedSince: this.#now() }) };
      this.#held.set(key, { ...remembered, listedBy });
      this.#memory.set(key, remembered);
    }
  }

  /** A host says where it is. One that is where a removed host was speaks for that machine from now on. */
  arrived({ host, proven }: HostState): void {
    const place = placeOf(host.network, host.address);
    this.#release(
      removed => placeOf(removed.network, removed.address) === place && (proven || removed.name === host.name),
    );
  }

  /** A person wants what is listed on a removed host to be dialled directly. @returns whether anything was held back. */
  release(name: string): boolean {
    return this.#release(removed => removed.name === name);
  }

  #release(chosen: (host: Host) => boolean): boolean {
    const keys = [...this.#held].filter(([, { host }]) => chosen(host)).map(([key]) => key);
    for (const key of keys) this.#onReleased(this.#forget(key));
    return keys.length > 0;
  }

  #sweep(): void {
    for (const key of this.#held.keys()) if (this.#isOver(key)) this.#forget(key);
  }

  #isOver(key: string): boolean {
    const { unlistedSince } = this.#held.get(key)!;
    return unlistedSince !== undefined && unlistedSince < this.#now() - KEEP_MS;
  }

  #put(key: string, held: Held): void {
    this.#held.set(key, held);
    for (const workload of held.workloads)
      this.#index.set(`${key}/${workload.uid}`, { workload, host: held.host, alive: false });
  }

  #forget(key: string): ReadonlySet<string> {
    this.#memory.set(key, undefined);
    return this.#drop(key);
  }

  /** @returns the endpoints that it held. */
  #drop(key: string): ReadonlySet<string> {
    const endpoints = (this.#held.get(key)?.workloads ?? []).flatMap(({ uid }) => [
      ...this.#index.set(`${key}/${uid}`, undefined),
    ]);
    this.#held.delete(key);
    return new Set(endpoints);
  }
}

function keyOf({ name, network, address }: Host): string {
  return `${name}|${placeOf(network, address)}`;
}
