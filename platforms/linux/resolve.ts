import { messageOf } from '../../manager/model/util/errors.ts';
import type { Workload } from '../../manager/model/workload.ts';
import { type LocalWorkload, type PlatformProblem, type PlatformState, userOf } from '../platform.ts';
import type { WorkloadDocument } from './document.ts';
import type { WorkloadFile } from './files.ts';
import type { System } from './system.ts';

/** The user that a workload was last. */
interface LastUser {
  readonly uid: number;
  /** Undefined when that is not known: the file named a uid, or it was in an earlier life. */
  readonly name?: string;
}

interface FoundUser {
  readonly uid: number;
  /** What is wrong all the same. */
  readonly problem?: string;
}

/** Turns what files say into workloads of this host, and names what stands in the way. */
export class Resolver {
  readonly #system: System;
  /** By uid of the workload. */
  readonly #users = new Map<string, LastUser>();
  /** By id of a namespace that is there: the kernel gives the number of one that is gone to another. */
  readonly #addresses = new Map<string, readonly string[]>();
  /** File by what it holds (a workload's name, a user, a namespace): who had it first keeps it. */
  #holders = new Map<string, string>();

  constructor(system: System) {
    this.#system = system;
  }

  /** Workloads as they were found last, in an earlier life. */
  remember(workloads: readonly LocalWorkload[]): void {
    for (const { workload, selector } of workloads) {
      const uid = userOf(selector);
      if (uid !== undefined && !this.#users.has(workload.uid)) this.#users.set(workload.uid, { uid });
    }
  }

  async resolve(files: readonly WorkloadFile[]): Promise<PlatformState> {
    const problems: PlatformProblem[] = files.flatMap(({ problem }) => (problem ? [problem] : []));
    const workloads: LocalWorkload[] = [];
    const waiting: Workload[] = [];
    const holders = new Map<string, string>();
    for (const { path, document, missing } of this.#inOrder(files)) {
      if (!document) continue;
      try {
        const { local, place, problem } = await this.#locate(document);
        const keys = [`workload ${local.workload.uid}`, place];
        const taken = keys.find(key => holders.has(key));
        if (taken !== undefined)
          throw new Error(`${taken} is that of ${holders.get(taken)} already; this file is left out`);
        for (const key of keys) holders.set(key, path);
        workloads.push(local);
        if (problem !== undefined) problems.push({ where: path, why: problem });
      } catch (error) {
        waiting.push(document.workload);
        if (!missing) problems.push({ where: path, why: messageOf(error) });
      }
    }
    this.#holders = holders;
    const named = new Set(files.map(({ document }) => document?.workload.uid));
    for (const uid of this.#users.keys()) if (!named.has(uid)) this.#users.delete(uid);
    const ids = new Set(workloads.map(({ selector }) => (selector.kind === 'namespace' ? selector.id : undefined)));
    for (const id of this.#addresses.keys()) if (!ids.has(id)) this.#addresses.delete(id);
    workloads.sort((a, b) => (a.workload.uid < b.workload.uid ? -1 : 1));
    return { workloads, problems, ...(waiting.length > 0 ? { waiting } : {}) };
  }

  /** Files that hold something come first: a new file cannot take what an older one has. */
  #inOrder(files: readonly WorkloadFile[]): WorkloadFile[] {
    const holding = new Set(this.#holders.values());
    const rank = (file: WorkloadFile): number => (file.missing ? 2 : holding.has(file.path) ? 0 : 1);
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
  }

  /** @returns also what no other workload may have, and what is wrong all the same. */
  async #locate({
    workload,
    selector,
  }: WorkloadDocument): Promise<{ readonly local: LocalWorkload; readonly place: string; readonly problem?: string }> {
    if ('user' in selector) {
      const { uid, problem } = await this.#user(workload.uid, selector.user);
      const local: LocalWorkload = { workload, selector: { kind: 'user', uid } };
      return { local, place: `user ${uid}`, ...(problem === undefined ? {} : { problem }) };
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

  async #user(workload: string, user: string | number): Promise<FoundUser> {
    const uid = typeof user === 'number' ? user : await this.#uidOf(user);
    if (typeof uid !== 'number') return this.#asBefore(workload, String(user), uid);
    if (uid === 0) throw new Error(`user "${user}" is root, whose traffic cannot be told from the agent's`);
    this.#users.set(workload, typeof user === 'number' ? { uid } : { uid, name: user });
    return { uid };
  }

  /** An error when it cannot be told. */
  async #uidOf(user: string): Promise<number | undefined | Error> {
    return this.#system.uidOf(user).catch((error: unknown) => new Error(messageOf(error), { cause: error }));
  }

  /**
   * Where users are kept may be out of reach, or know nobody yet, so a workload stays the user that it was, unless that uid is somebody
   * else's now: its program may run on, and would be open to callers that its policy refuses.
   */
  async #asBefore(workload: string, user: string, failure: Error | undefined): Promise<FoundUser> {
    const why = failure ? `cannot find user "${user}": ${failure.message}` : `this host has no user "${user}"`;
    const last = this.#users.get(workload);
    if (last === undefined) throw new Error(`${why}; the workload waits for it`);
    const heir = failure ? undefined : await this.#system.userOf(last.uid).catch(() => undefined);
    if (heir === undefined || heir === last.name) {
      const problem = `${why}; the workload stays user ${last.uid}, as it was: make the user, or correct the file`;
      return failure && last.name === user ? { uid: last.uid } : { uid: last.uid, problem };
    }
    this.#users.delete(workload);
    throw new Error(`${why}, and ${last.uid}, which the workload was, is "${heir}"; the workload waits for it`);
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
