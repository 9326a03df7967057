import type { FollowedService } from '../../registries/mapping.ts';
import { registeredService } from '../hosts/check-workload.ts';
import { AGENT_SOURCE } from '../model/instance.ts';
import { hostnameOf, type ServiceRef } from '../model/service.ts';
import type { Source } from './merge.ts';
import type { PlacedWorkload } from './workload-index.ts';

/** What registries and hosts say, by the service that they say it of. */
export class Sources {
  readonly #rank: ReadonlyMap<string, number>;
  readonly #services = new Map<string, Map<string, Source>>();
  readonly #refs = new Map<string, ServiceRef>();
  /** By source and key, the hostname that it speaks of. */
  readonly #spoken = new Map<string, string>();
  readonly #registered = new Map<string, ReadonlySet<string>>();

  /** @param registries their names in the order of precedence. */
  constructor(registries: readonly string[]) {
    this.#rank = new Map(registries.map((name, index) => [name, index]));
  }

  /** Sets what a registry says under one of its keys. @returns hostnames of services of which something else is said now. */
  set(registry: string, key: string, service: FollowedService | undefined): ReadonlySet<string> {
    const id = `${registry}\n${key}`;
    const affected = new Set<string>();
    const before = this.#spoken.get(id);
    if (before !== undefined) {
      this.#drop(before, id);
      affected.add(before);
    }
    this.#spoken.delete(id);
    if (service) {
      const hostname = hostnameOf(service);
      this.#spoken.set(id, hostname);
      const sources = this.#services.get(hostname) ?? new Map<string, Source>();
      this.#services.set(hostname, sources.set(id, { registry, key, service }));
      this.#refs.set(hostname, { namespace: service.namespace, name: service.name });
      affected.add(hostname);
    }
    return affected;
  }

  /** Sets a workload that may register services by itself. @returns hostnames of services of which something else is said now. */
  setWorkload(uid: string, placed: PlacedWorkload | undefined): ReadonlySet<string> {
    const before = this.#registered.get(uid) ?? new Set<string>();
    const refs = placed?.workload.services.map(text => registeredService(text, placed.workload.namespace)) ?? [];
    const affected = new Set(before);
    for (const hostname of before) this.set(AGENT_SOURCE, `${uid} ${hostname}`, undefined);
    const now = new Set<string>();
    for (const ref of refs) {
      const hostname = hostnameOf(ref);
      if (now.has(hostname)) continue;
      now.add(hostname);
      affected.add(hostname);
      this.set(AGENT_SOURCE, `${uid} ${hostname}`, registration(uid, ref, placed!));
    }
    if (now.size > 0) this.#registered.set(uid, now);
    else this.#registered.delete(uid);
    return affected;
  }

  /** All that is said of a service, in the order of precedence; none: there is no such service. */
  of(hostname: string): readonly Source[] {
    const sources = [...(this.#services.get(hostname)?.values() ?? [])];
    return sources.sort((a, b) => this.rank(a) - this.rank(b) || (a.key < b.key ? -1 : 1));
  }

  ref(hostname: string): ServiceRef | undefined {
    return this.#refs.get(hostname);
  }

  /** Where a source stands in the order of precedence; 0 is first. */
  rank(source: Pick<Source, 'registry'>): number {
    return this.#rank.get(source.registry) ?? this.#rank.size;
  }

  #drop(hostname: string, id: string): void {
    const sources = this.#services.get(hostname);
    sources?.delete(id);
    if (sources?.size !== 0) return;
    this.#services.delete(hostname);
    this.#refs.delete(hostname);
  }
}

/** What a registry would say of a service that a workload registers. */
function registration(uid: string, ref: ServiceRef, { workload, host }: PlacedWorkload): FollowedService {
  const address = workload.addresses[0] ?? host.address;
  const ports = workload.ports.map(({ name, number }) => ({ name, number }));
  return {
    namespace: ref.namespace,
    name: ref.name,
    aliases: [],
    ports: workload.ports,
    labels: {},
    instances: [
      {
        id: uid,
        address,
        ports,
        weight: 1,
        labels: workload.labels,
        locality: host.locality,
        network: host.network,
        health: workload.health,
      },
    ],
    problems: [],
  };
}
