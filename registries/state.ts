import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../manager/model/util/log.ts';
import type { Changes } from './changes.ts';
import { Doubt, type Later } from './doubt.ts';
import { type FollowedService, keyOf, type Mapping, mapService } from './mapping.ts';
import type { Problem, RegistryService } from './registry.ts';

/** What the state says of itself. */
export interface StateStatus {
  /** Whether the registry's whole content was seen at least once. Until then the state may lack services. */
  readonly synced: boolean;
  /** Since when the state may be out of date, milliseconds since 1970; absent while it is followed. */
  readonly staleSinceMs?: number;
  /** Why it went stale, or why the last try to get back failed; absent while it is followed. */
  readonly lastError?: string;
  /** Everything in the registry that was left out. */
  readonly problems: readonly Problem[];
  readonly services: number;
  readonly instances: number;
}

export interface StateOptions {
  readonly mapping: Mapping;
  /** What was known in an earlier life, by key. */
  readonly remembered?: ReadonlyMap<string, FollowedService> | undefined;
  /** When what a list lacks goes, if that is most of what was there; at once when absent. */
  readonly later?: Later;
}

/** Problems that are logged one by one for a service or a registry; the rest are counted. */
const LOGGED_PROBLEMS = 5;

/** The last known content of one registry, put together from its sessions. */
export class RegistryState {
  /** By `keyOf`. */
  readonly services: Map<string, FollowedService>;
  readonly #mapping: Mapping;
  readonly #changes: Changes;
  readonly #logger: Logger;
  /** By the service's key; under an empty key those of the registry as a whole. */
  readonly #problems = new Map<string, readonly Problem[]>();
  #mentioned: Set<string> | undefined;
  #isListing = false;
  /** Said to be gone by the list that is under way. */
  readonly #absent = new Set<string>();
  readonly #doubt: Doubt | undefined;
  /** Keys of services that are there and cannot be read. */
  readonly #unreadable = new Set<string>();
  #synced = false;
  /** Whether services may be there that cannot be read, and which is not known. */
  #partly = false;
  #stale: { readonly sinceMs: number; readonly error: string; readonly isTold: boolean } | undefined;

  constructor(options: StateOptions, changes: Changes, logger: Logger) {
    this.services = new Map(options.remembered);
    this.#doubt = options.later && new Doubt(options.later, logger);
    this.#mapping = options.mapping;
    this.#changes = changes;
    this.#logger = logger;
  }

  /** A session begins: what it does not mention until it has synced will be removed then, problems too. */
  begin(): void {
    this.#mentioned = new Set();
    this.#absent.clear();
    this.#isListing = true;
  }

  /** The whole state of one service. */
  put(listed: RegistryService): void {
    const key = keyOf(listed);
    this.#mentioned?.add(key);
    this.#unreadable.delete(key);
    const mapped = mapService(listed, this.#mapping);
    if ('why' in mapped) {
      this.#setProblems(key, [mapped]);
      return;
    }
    this.#setProblems(key, mapped.problems);
    if (mapped.instances.length === 0 && !mapped.keep) {
      // What a list says to be gone is judged with what it does not mention.
      if (this.#isListing) this.#absent.add(key);
      else this.#remove(key);
      return;
    }
    this.#absent.delete(key);
    this.#settle(key);
    if (!isDeepStrictEqual(this.services.get(key), mapped)) {
      this.services.set(key, mapped);
      this.#changes.publish([key]);
    }
  }

  /** A service that is there and could not be read. */
  keep(service: Pick<RegistryService, 'name' | 'namespace'>, problem: Problem): void {
    const key = keyOf(service);
    this.#mentioned?.add(key);
    this.#unreadable.add(key);
    this.#settle(key);
    this.#setProblems(key, [problem]);
  }

  /** The session has sent everything it knows. @param partly whether what it did not mention may be there all the same. */
  reconcile(partly = false): void {
    this.#removeLacking(partly);
    const isMore = this.#partly !== partly;
    this.#partly = partly;
    if (this.#synced && !this.#stale && !isMore) return;
    const fields = { services: this.services.size };
    if (!this.#synced) this.#logger.info('registry listed', fields);
    else if (this.#stale) this.#logger[this.#stale.isTold ? 'info' : 'debug']('registry is back', fields);
    this.#synced = true;
    this.#stale = undefined;
    this.#changes.publish([]);
  }

  /** The problems of the registry as a whole, in place of those before. */
  setProblems(problems: readonly Problem[]): void {
    this.#mentioned?.add('');
    this.#setProblems('', problems);
  }

  /** The session ended, or could not begin. The content stays as it is. @param isTold whether people are told: then of its return too. */
  failed(error: string, nowMs: number, isTold: boolean): void {
    this.#stale = { sinceMs: this.#stale?.sinceMs ?? nowMs, error, isTold: isTold || this.#stale?.isTold === true };
    this.#changes.publish([]);
  }

  status(): StateStatus {
    let instances = 0;
    for (const service of this.services.values()) instances += service.instances.length;
    return {
      synced: this.#synced,
      ...(this.#stale && { staleSinceMs: this.#stale.sinceMs, lastError: this.#stale.error }),
      problems: [...(this.#doubt?.problems() ?? []), ...[...this.#problems.values()].flat()],
      services: this.services.size,
      instances,
    };
  }

  #removeLacking(partly: boolean): void {
    const mentioned = partly ? undefined : this.#mentioned;
    if (mentioned) {
      this.#mentioned = undefined;
      for (const key of [...this.#unreadable, ...this.#problems.keys()]) {
        if (mentioned.has(key)) continue;
        this.#setProblems(key, []);
        this.#unreadable.delete(key);
      }
    }
    const isLacking = (key: string): boolean => this.#absent.has(key) || mentioned?.has(key) === false;
    const lacking = [...this.services.keys()].filter(isLacking);
    this.#absent.clear();
    this.#isListing = false;
    const gone = this.#doubt?.gone(lacking, this.services.size, keys => this.#letGo(keys)) ?? lacking;
    for (const key of gone) this.#remove(key);
  }

  #letGo(keys: ReadonlySet<string>): void {
    for (const key of keys) this.#remove(key);
    this.#changes.publish([]);
  }

  #settle(key: string): void {
    if (this.#doubt?.settle(key)) this.#changes.publish([]);
  }

  #remove(key: string): void {
    this.#settle(key);
    if (this.services.delete(key)) this.#changes.publish([key]);
  }

  #setProblems(key: string, problems: readonly Problem[]): void {
    const before = this.#problems.get(key) ?? [];
    if (isDeepStrictEqual(before, problems)) return;
    if (problems.length > 0) this.#problems.set(key, problems);
    else this.#problems.delete(key);
    const known = new Set(before.map(problem => `${problem.where}\n${problem.why}`));
    const fresh = problems.filter(problem => !known.has(`${problem.where}\n${problem.why}`));
    for (const problem of fresh.slice(0, LOGGED_PROBLEMS))
      this.#logger.warn('problem in the registry', { where: problem.where, why: problem.why });
    if (fresh.length > LOGGED_PROBLEMS)
      this.#logger.warn('more problems in the registry', { count: fresh.length - LOGGED_PROBLEMS });
    this.#changes.publish([]);
  }
}
