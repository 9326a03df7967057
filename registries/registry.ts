import type { Health } from '../manager/model/instance.ts';
import type { Locality } from '../manager/model/locality.ts';
import type { ServicePort } from '../manager/model/service.ts';

/** A port that an instance listens on; registries that know one port per instance leave the name out. */
export interface RegistryPort {
  readonly name?: string;
  readonly number: number;
}

/** One instance as a registry lists it. */
export interface RegistryInstance {
  /** Unique within the service in this registry, and stable while the instance lives. */
  readonly id: string;
  /** IP address or host name. */
  readonly address: string;
  /** At least one. */
  readonly ports: readonly RegistryPort[];
  /** 0 or more; 1 when the registry does not say. */
  readonly weight: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent when the registry does not say. */
  readonly locality?: Locality;
  readonly network?: string;
  readonly health: Health;
}

/** Something in the registry that could not be used; it was left out and the rest went on. */
export interface Problem {
  /** Which entry: a path, a file with its line, a service id. */
  readonly where: string;
  /** What is wrong with it, and how to mend it. */
  readonly why: string;
}

/** The whole state of one service in one registry. */
export interface RegistryService {
  /** Name in the registry's own terms; the registry's config maps it to a name and a namespace of the mesh. */
  readonly name: string;
  /** When the registry has namespaces. */
  readonly namespace?: string;
  /** Further names that callers may use, such as `reviews.service.consul`. */
  readonly aliases: readonly string[];
  /** Ports that callers use, when the registry states them; otherwise they follow from the instances. */
  readonly ports?: readonly ServicePort[];
  readonly labels: Readonly<Record<string, string>>;
  /** None: the service is gone, or listed with no instance (see `keep`). */
  readonly instances: readonly RegistryInstance[];
  /** The service is declared even while it has no instances (a file says so); absent: no instances means gone. */
  readonly keep?: boolean;
  /** Entries of this service that were left out. */
  readonly problems: readonly Problem[];
}

export type RegistryEvent =
  /** Whole state of one service; with no instances it is gone, unless `keep`. */
  | { readonly type: 'service'; readonly service: RegistryService }
  /** The registry has this service and its state cannot be read now: what was known of it stays. */
  | { readonly type: 'unreadable'; readonly name: string; readonly namespace?: string; readonly problem: Problem }
  /**
   * Everything known has been sent; what was not mentioned since the session began is gone. `partly`: something could not be read that
   * may hold any service, so what was not mentioned stays, until this is said again without it.
   */
  | { readonly type: 'synced'; readonly partly?: boolean }
  /** What is wrong outside of any one service, as a whole: the list replaces the list before. */
  | { readonly type: 'problems'; readonly problems: readonly Problem[] };

/** A place where services are listed. Adapters stay dumb: retry, reconcile, merge and staleness live in `follow.ts`. */
export interface Registry {
  /** Key in the table of kinds, such as `consul`. */
  readonly kind: string;
  /** Whether its server may come back without what it held: a first list that lacks most of what was there is doubted for a while. */
  readonly isForgetful?: boolean;
  /**
   * One session: list, then follow. Ends by throwing (the cause says what and where). Never retries, caches or logs.
   * When the signal aborts, it ends within 100 ms and leaves no watch, timer or connection behind.
   */
  watch(signal: AbortSignal): AsyncIterable<RegistryEvent>;
}

/** A kind of registry: how its settings are read and its adapter made. */
export interface RegistryKind {
  readonly kind: string;
  /** One line for people. */
  readonly summary: string;
  /**
   * Reads the settings of one entry of `registries:` (without `name`, `kind` and what all kinds share).
   * @param path where it stands, such as `registries[0]`, for messages.
   * @throws {ConfigError} with every wrong field.
   */
  create(settings: Readonly<Record<string, unknown>>, path: string): Registry;
}
