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
  readonly name?: string | undefined;
}

interface FoundUser extends LastUser {
  /** What is wrong all the same. */
  readonly problem?: string;
}

/** Where a workload is. */
interface Located extends Omit<FoundUser, 'uid'> {
  readonly local: LocalWorkload;
  /** What no other workload may have. */
  readonly place: string;
}

interface Found extends Located {
  readonly file: WorkloadFile;
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
    const waiting: Workload[] = [];
    const found: Found[] = [];
    for (const file of files) {
      if (!file.document) continue;
      try {
        found.push({ file, ...(await this.#locate(file.document)) });
      } catch (error) {
        waiting.push(file.document.workload);
        if (!file.missing) problems.push({ where: file.path, why: messageOf(error) });
      }
    }
    const workloads: LocalWorkload[] = [];
    const holders = new Map<string, string>();
    for (const one of this.#inOrder(found)) {
      const { local, why } = this.#place(one, holders);
      if (local) workloads.push(local);
      else waiting.push(one.local.workload);
      if (why !== undefined && !one.file.missing) problems.push({ where: one.file.path, why });
    }
    this.#holders = holders;
    this.#forget(files, workloads);
    workloads.sort((a, b) => (a.workload.uid < b.workload.uid ? -1 : 1));
    return { workloads, problems, ...(waiting.length > 0 ? { waiting } : {}) };
  }

  #forget(files: readonly WorkloadFile[], workloads: readonly LocalWorkload[]): void {
    const named = new Set(files.map(({ document }) => document?.workload.uid));
    for (const uid of this.#users.keys()) if (!named.has(uid)) this.#users.delete(uid);
    const ids = new Set(workloads.map(({ selector }) => (selector.kind === 'namespace' ? selector.id : undefined)));
    for (const id of this.#addresses.keys()) if (!ids.has(id)) this.#addresses.delete(id);
  }

  /** Those that are as they were come first: neither a new file nor one that was changed can take what another has. */
  #inOrder(found: readonly Found[]): Found[] {
    const rank = ({ file, local, place }: Found): number => {
      if (file.missing) return 3;
      const { uid } = local.workload;
      if (keysOf(uid, place).every(key => this.#holders.get(key) === file.path)) return 0;
      return this.#users.get(uid)?.uid === userOf(local.selector) ? 1 : 2;
    };
    return found.toSorted((a, b) => rank(a) - rank(b) || (a.file.path < b.file.path ? -1 : 1));
  }

  /** A workload that cannot have what its file says stays the user that it was. @returns it, if it can be, and what is wrong. */
  #place(
    { file: { path }, local, place, name, problem }: Found,
    holders: Map<string, string>,
  ): { readonly local?: LocalWorkload; readonly why?: string | undefined } {
    const { workload } = local;
    const keys = keysOf(workload.uid, place);
    const uid = userOf(local.selector);
    const taken = keys.find(key => holders.has(key));
    if (taken === undefined) {
      for (const key of keys) holders.set(key, path);
      if (uid !== undefined && problem === undefined) this.#users.set(workload.uid, { uid, name });
      return { local, why: problem };
    }
    const why = `${taken} is that of ${holders.get(taken)} already`;
    const last = taken === place && uid !== undefined ? this.#users.get(workload.uid) : undefined;
    if (last === undefined || holders.has(`user ${last.uid}`)) return { why: `${why}; this file is left out` };
    for (const key of keysOf(workload.uid, `user ${last.uid}`)) holders.set(key, path);
    return {
      local: { workload, selector: { kind: 'user', uid: last.uid } },
      why: `${why}; the workload stays user ${last.uid}, as it was: correct the file`,
    };
  }

  async #locate({ workload, selector }: WorkloadDocument): Promise<Located> {
    if ('user' in selector) {
      const { uid, ...more } = await this.#user(workload.uid, selector.user);
      return { local: { workload, selector: { kind: 'user', uid } }, place: `user ${uid}`, ...more };
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
    return typeof user === 'number' ? { uid } : { uid, name: user };
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
      return failure && last.name === user ? last : { uid: last.uid, problem };
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

/** What a workload holds. */
function keysOf(uid: string, place: string): readonly string[] {
  return [`workload ${uid}`, place];
}
