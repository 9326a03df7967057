import type { Workload } from '../manager/model/workload.ts';

/** How the traffic of a workload is told apart on its host. */
export type Selector =
  /** A process of the host: packets by the user that owns the socket. */
  | { readonly kind: 'user'; readonly uid: number }
  /** A process of the host: packets by its cgroup v2 path, where the kernel knows it. Agents cannot yet, and say so. */
  | { readonly kind: 'cgroup'; readonly path: string }
  /**
   * Has a network of its own: everything in the namespace but the proxy's own packets. `id` is another one when another namespace takes
   * the path: `<device>-<inode>` of what the path leads to.
   */
  | { readonly kind: 'namespace'; readonly path: string; readonly id: string };

/** The `id` of a network namespace, from what stat(2) says of a path that leads to it. */
export function namespaceIdOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}-${ino}`;
}

/** The uid that a selector names; undefined when it tells apart otherwise. */
export function userOf(selector: Selector | undefined): number | undefined {
  return selector?.kind === 'user' ? selector.uid : undefined;
}

/** A workload on this host together with how it is told apart. */
export interface LocalWorkload {
  /** `uid` begins with the host's name; addresses may be empty, the agent then fills in the host's own. */
  readonly workload: Workload;
  readonly selector: Selector;
}

/** Something that a platform found but cannot use. */
export interface PlatformProblem {
  readonly where: string;
  readonly why: string;
}

/** All workloads that a platform knows now; each state replaces the one before. */
export interface PlatformState {
  readonly workloads: readonly LocalWorkload[];
  readonly problems: readonly PlatformProblem[];
  /** Those that are named and not here now, such as a container between two starts: what is kept of them stays. */
  readonly waiting?: readonly Workload[];
  /** Something cannot be read that may name any workload: those that were known before, and are not among these, stay. */
  readonly partly?: boolean;
}

/** What runs on this host. */
export interface Platform {
  readonly kind: string;
  /**
   * First the present state, then a new one with each change. Ends by throwing; ends within 100 ms when the signal aborts.
   * @param before what it named last, also in an earlier life: for what cannot be found out now.
   */
  watch(signal: AbortSignal, before: readonly LocalWorkload[]): AsyncIterable<PlatformState>;
}

/** The host that a platform is of. */
export interface PlatformHost {
  readonly name: string;
  /** Where its agent is configured: what a platform reads lies below, unless its settings say otherwise. */
  readonly configDir: string;
}

/** A kind of platform. */
export interface PlatformKind {
  readonly kind: string;
  readonly summary: string;
  /** @throws {ConfigError} with every wrong field. */
  create(settings: Readonly<Record<string, unknown>>, path: string, host: PlatformHost): Platform;
}
