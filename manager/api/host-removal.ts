/** What became of a host that was taken out of the mesh. */
export interface RemovedHost {
  readonly name: string;
  /** Whether it had been removed before. */
  readonly already: boolean;
  /** Uids of the workloads that left with it. */
  readonly workloads: readonly string[];
  /** Hostnames of services that registries still list at its addresses. */
  readonly stillListed: readonly string[];
  /** Whether callers dial what is still listed past any agent from now on, in plaintext; else they are not told of it. */
  readonly direct: boolean;
  /** Ids of join tokens that name it and can still be used. */
  readonly tokens: readonly string[];
  /** When the last certificate of its workloads ends at the latest, milliseconds since 1970: other hosts accept them until then. */
  readonly certificatesEnd: number;
}

/** Takes hosts out of the mesh. */
export interface HostRemoval {
  /**
   * Ends its streams, refuses its certificates from now on and drops its workloads.
   * @param direct whether what registries still list there is to be dialled in plaintext; also for a host that was removed before.
   * Resolves to undefined when there is no such host.
   */
  remove(name: string, direct: boolean): Promise<RemovedHost | undefined>;
}
