import { spiffeId } from '../auth/identity.ts';
import type {
  HostReport,
  Inspect,
  ManagerReport,
  RefusalReport,
  RegistryReport,
  ServiceReport,
  WorkloadReport,
} from './api/inspect.ts';
import type { Catalog, ServiceRecord } from './catalog/catalog.ts';
import type { Publisher } from './distribution/publisher.ts';
import type { Registries } from './feed/registries.ts';
import type { HostState, Hosts } from './hosts/hosts.ts';
import { LEASE_MS } from './hosts/leases.ts';
import type { Member, Members } from './hosts/members.ts';
import { printable } from './hosts/refusal.ts';
import type { Refusals } from './hosts/refusals.ts';
import { describeObject } from './model/config/object.ts';
import { AGENT_SOURCE } from './model/instance.ts';
import { NOWHERE } from './model/locality.ts';
import type { Rejection } from './model/proto/messages.ts';
import type { Workload } from './model/workload.ts';

export interface InspectionParts {
  readonly catalog: Pick<Catalog, 'records' | 'find' | 'left' | 'workloads' | 'policyOf' | 'configIn'>;
  readonly hosts: Pick<Hosts, 'get' | 'claimed' | 'doubled' | 'leaseEnd'>;
  readonly members: Pick<Members, 'all'>;
  readonly publisher: Pick<Publisher, 'subscriptions'>;
  readonly registries: Pick<Registries, 'all'>;
  readonly refusals: Pick<Refusals, 'all'>;
  readonly manager: ManagerReport;
}

/** Answers what the mesh is, from the parts that know. */
export class Inspection implements Inspect {
  readonly #parts: InspectionParts;

  constructor(parts: InspectionParts) {
    this.#parts = parts;
  }

  service(name: string): ServiceReport | undefined {
    const record = this.#parts.catalog.find(name);
    return record && reportOf(record);
  }

  services(): readonly ServiceReport[] {
    return [...this.#parts.catalog.records.values()].map(reportOf).sort((a, b) => (a.hostname < b.hostname ? -1 : 1));
  }

  hosts(): readonly HostReport[] {
    const registered = Map.groupBy(this.#registered(), ({ host }) => host);
    return [...this.#parts.members.all()]
      .map(member => this.#host(member, this.#parts.hosts.get(member.name), registered.get(member.name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  workloads(): readonly WorkloadReport[] {
    const { catalog, manager } = this.#parts;
    const serves = this.#serves();
    return [...catalog.workloads.all()]
      .map(([uid, { workload, host }]) => {
        const { namespace, serviceAccount, policyRevision } = workload;
        return {
          ...workload,
          host: host.name,
          identity: spiffeId({ trustDomain: manager.trustDomain, namespace, serviceAccount }),
          serves: serves.get(uid) ?? [],
          policy: { wanted: catalog.policyOf(uid)?.revision ?? '', inForce: policyRevision },
        };
      })
      .sort((a, b) => (a.uid < b.uid ? -1 : 1));
  }

  reported(): readonly Workload[] {
    return [...this.#parts.catalog.workloads.all()].map(([, { workload }]) => workload);
  }

  registries(): readonly RegistryReport[] {
    return this.#parts.registries.all().map(followed => {
      const { name, kind, synced, staleSinceMs, lastError, problems, services, instances } = followed.status();
      return {
        name,
        kind,
        // One that failed before it was ever seen whole has lost nothing.
        state: !synced ? 'connecting' : staleSinceMs === undefined ? 'synced' : 'stale',
        ...(synced && staleSinceMs !== undefined && { lastSynced: staleSinceMs }),
        ...(lastError === undefined ? {} : { error: lastError }),
        services,
        instances,
        problems: [...problems, ...this.#disagreements(name), ...this.#leftOut(name)],
      };
    });
  }

  refusals(): readonly RefusalReport[] {
    return this.#parts.refusals.all();
  }

  manager(): ManagerReport {
    return this.#parts.manager;
  }

  #leftOut(registry: string): RegistryReport['problems'] {
    return this.#parts.catalog
      .left()
      .filter(({ source }) => source === registry)
      .map(({ hostname, why }) => ({ where: hostname, why: leftOut(why) }));
  }

  /** What the catalog could not use of the services that a registry speaks of first. */
  #disagreements(registry: string): RegistryReport['problems'] {
    const records = [...this.#parts.catalog.records.values()];
    return records
      .filter(({ service }) => service.sources[0] === registry)
      .flatMap(({ service, problems }) =>
        problems.map(({ where, why }) => ({ where: `${service.hostname} ${where}`, why })),
      );
  }

  /** What could not be used of services that no registry lists, by the host whose workload registers them. */
  #registered(): readonly (Rejection & { readonly host: string })[] {
    const { catalog } = this.#parts;
    const problems = [...catalog.records.values()]
      .filter(({ service }) => service.sources[0] === AGENT_SOURCE)
      .flatMap(({ service, problems: of }) =>
        of.map(({ where, why }) => ({ resource: service.hostname, uid: where.slice(AGENT_SOURCE.length + 1), why })),
      );
    const left = catalog
      .left()
      .filter(({ source }) => source === AGENT_SOURCE)
      .map(({ hostname, key, why }) => ({ resource: hostname, uid: key.split(' ')[0]!, why: leftOut(why) }));
    return [...problems, ...left].map(({ resource, uid, why }) => ({
      host: uid.split('/')[0]!,
      resource,
      reason: why,
      origins: [`workload ${uid}`],
    }));
  }

  #host({ name, joinedAt }: Member, state: HostState | undefined, registered: readonly Rejection[] = []): HostReport {
    const { status, refused = [] } = state ?? {};
    const subscriptions = [...this.#parts.publisher.subscriptions(name)].map(
      ([type, { names }]) => [type, [...names].length] as const,
    );
    return {
      ...(state?.host ?? { name, address: '', tunnelPort: 0, network: '', locality: NOWHERE }),
      joinedAt,
      lease: this.#lease(name, state),
      agentVersion: status?.agentVersion ?? '',
      envoyVersion: status?.envoyVersion ?? '',
      envoyConnected: status?.envoyConnected ?? false,
      startedAt: status?.startedAt ?? 0,
      workloads: [...(state?.workloads.keys() ?? [])].sort(),
      subscriptions: Object.fromEntries(subscriptions),
      rejections: [
        ...(status?.rejections ?? []),
        ...refused,
        ...this.#shadowed(name),
        ...registered.map(({ resource, reason, origins }) => ({ resource, reason, origins })),
        ...this.#unread(name),
      ],
    };
  }

  #lease(name: string, state: HostState | undefined): HostReport['lease'] {
    if (!state) return { state: 'none', lastHeard: 0, expires: 0 };
    const expires = this.#parts.hosts.leaseEnd(name);
    const { lastHeard } = state;
    return { state: expires === undefined ? 'lapsed' : 'held', lastHeard, expires: expires ?? lastHeard + LEASE_MS };
  }

  /** What another host has already: its address, or the place where one of its workloads listens. */
  #shadowed(host: string): readonly Rejection[] {
    const { hosts, catalog } = this.#parts;
    const found = [...catalog.workloads.conflicts()].flatMap(([endpoint, [first, ...others]]) =>
      others
        .filter(uid => catalog.workloads.get(uid)?.host.name === host)
        .map(uid => ({
          resource: uid,
          reason: `it listens at ${endpoint.split('|').slice(1).join(' port ')}, where workload ${first} does already and is called; change the port of one`,
          origins: [`workload ${uid}`, `workload ${first}`],
        })),
    );
    return [hosts.claimed(host) ?? [], hosts.doubled(host) ?? [], found].flat();
  }

  /** What a host could not read of what it was sent, with the config that is in it. */
  #unread(host: string): readonly Rejection[] {
    return [...this.#parts.publisher.subscriptions(host)].flatMap(([type, { refused }]) =>
      [...refused].map(([name, { reason }]) => ({
        resource: `${type}/${name}`,
        reason: `the agent cannot read it: ${printable(reason)}`,
        origins: this.#parts.catalog.configIn(type, name).map(describeObject),
      })),
    );
  }

  #serves(): ReadonlyMap<string, readonly string[]> {
    const serves = new Map<string, string[]>();
    for (const { service, instances } of this.#parts.catalog.records.values())
      for (const { reach } of instances) {
        if (reach.kind !== 'mesh') continue;
        const names = serves.get(reach.workload) ?? [];
        if (!names.includes(service.hostname)) names.push(service.hostname);
        serves.set(reach.workload, names);
      }
    return serves;
  }
}

function reportOf({ service, instances, unheard, withheld }: ServiceRecord): ServiceReport {
  return { ...service, instances, unheard, withheld };
}

function leftOut(why: string): string {
  return `gets no virtual IP and is left out: ${why}`;
}
