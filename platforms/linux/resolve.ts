import { messageOf } from '../../manager/model/util/errors.ts';
import type { LocalWorkload, PlatformProblem, PlatformState } from '../platform.ts';
import type { WorkloadDocument } from './document.ts';
import type { WorkloadFile } from './files.ts';
import type { System } from './system.ts';

/** Turns what files say into workloads of this host, and names what stands in the way. */
export class Resolver {
  readonly #system: System;
  #uids = new Map<string, number>();
  /** By id of a namespace that is there: the kernel gives the number of one that is gone to another. */
  readonly #addresses = new Map<string, readonly string[]>();
  /** File by what it holds (a workload's name, a user, a namespace): who had it first keeps it. */
  #holders = new Map<string, string>();

  constructor(system: System) {
    this.#system = system;
  }

  async resolve(files: readonly WorkloadFile[]): Promise<PlatformState> {
    const problems: PlatformProblem[] = files.flatMap(({ problem }) => (problem ? [problem] : []));
    const workloads: LocalWorkload[] = [];
    const holders = new Map<string, string>();
    for (const { path, document, missing } of this.#inOrder(files)) {
      if (!document) continue;
      try {
        const { local, place } = await this.#locate(document);
        const keys = [`workload ${local.workload.uid}`, place];
        const taken = keys.find(key => holders.has(key));
        if (taken !== undefined)
          throw new Error(`${taken} is that of ${holders.get(taken)} already; this file is left out`);
        for (const key of keys) holders.set(key, path);
        workloads.push(local);
      } catch (error) {
        if (!missing) problems.push({ where: path, why: messageOf(error) });
      }
    }
    this.#holders = holders;
    const ids = new Set(workloads.map(({ selector }) => (selector.kind === 'namespace' ? selector.id : undefined)));
    for (const id of this.#addresses.keys()) if (!ids.has(id)) this.#addresses.delete(id);
    return { workloads: workloads.sort((a, b) => (a.workload.uid < b.workload.uid ? -1 : 1)), problems };
  }

  /** Files that hold something come first: a new file cannot take what an older one has. */
  #inOrder(files: readonly WorkloadFile[]): WorkloadFile[] {
    const holding = new Set(this.#holders.values());
    const rank = (file: WorkloadFile): number => (file.missing ? 2 : holding.has(file.path) ? 0 : 1);
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
  }

  /** @returns also what no other workload may have. */
  async #locate({
    workload,
    selector,
  }: WorkloadDocument): Promise<{ readonly local: LocalWorkload; readonly place: string }> {
    if ('user' in selector) {
      const uid = await this.#uid(selector.user);
      return { local: { workload, selector: { kind: 'user', uid } }, place: `user ${uid}` };
    }
    const { namespace } = selector;
    const id = await this.#system.namespaceId(namespace);
    if (id === undefined) throw new Error(`there is no network namespace at ${namespace}; the workload waits for it`);
    const addresses = workload.addresses.length > 0 ? workload.addresses : await this.#addressesIn(namespace, id);
    const local: LocalWorkload = {
      workload: { ...workload, addresses },
      selector: { kind: 'namespace', path: namespace, id },
    };
    // Two paths may lead to one namespace.
    return { local, place: `network namespace ${id}` };
  }

  async #uid(user: string | number): Promise<number> {
    if (typeof user === 'number') return user;
    const uid = await this.#currentUid(user);
    if (uid === undefined) throw new Error(`this host has no user "${user}"; the workload waits for it`);
    if (uid === 0) throw new Error(`user "${user}" is root, whose traffic cannot be told from the agent's`);
    this.#uids.set(user, uid);
    return uid;
  }

  /** Where users are kept may be out of reach, so one that is known keeps its uid, unless that is somebody else's now. */
  async #currentUid(user: string): Promise<number | undefined> {
    const before = this.#uids.get(user);
    if (before === undefined) return await this.#system.uidOf(user);
    let heir: string | undefined;
    try {
      const uid = await this.#system.uidOf(user);
      if (uid !== undefined) return uid;
      heir = await this.#system.userOf(before);
    } catch {
      return before;
    }
    if (heir === undefined) return before;
    this.#uids.delete(user);
    throw new Error(`this host has no user "${user}" any more, and its uid ${before} is that of "${heir}" now`);
  }

  /** A namespace without an address yet is asked again at the next look. */
  async #addressesIn(path: string, id: string): Promise<readonly string[]> {
    const known = this.#addresses.get(id);
    if (known) return known;
    const addresses = await this.#system.addressesIn(path);
    if (addresses.length > 0) this.#addresses.set(id, addresses);
    return addresses;
  }
}
