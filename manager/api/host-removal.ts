/** What became of a host that was taken out of the mesh. */
export interface RemovedHost {
  readonly name: string;
  /** Uids of the workloads that left with it. */
  readonly workloads: readonly string[];
  /** Hostnames of services that registries still list at its addresses: callers dial those past any agent from now on. */
  readonly stillListed: readonly string[];
  /** Ids of join tokens that name it and can still be used. */
  readonly tokens: readonly string[];
  /** When the last certificate of its workloads ends at the latest, milliseconds since 1970: other hosts accept them until then. */
  readonly certificatesEnd: number;
}

/** Takes hosts out of the mesh. */
export interface HostRemoval {
  /** Ends its streams, refuses its certificates from now on and drops its workloads. Resolves to undefined when it is no member. */
  remove(name: string): Promise<RemovedHost | undefined>;
}
