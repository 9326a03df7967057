import { isDeepStrictEqual } from 'node:util';
import type { FollowedService } from '../../registries/mapping.ts';
import type { Problem, RegistryInstance } from '../../registries/registry.ts';
import { AGENT_SOURCE } from '../model/instance.ts';
import { hostnameOf, refOf, type Service, type ServicePort, type ServiceRef } from '../model/service.ts';
import { placeOf } from '../model/util/address.ts';
import { inferPorts, targetPorts } from './ports.ts';
import { isOwn } from './workload-index.ts';

/** What one registry says of a service. */
export interface Source {
  /** The registry's name. */
  readonly registry: string;
  /** Names the service within the registry. */
  readonly key: string;
  readonly service: FollowedService;
}

/** An instance before it is known how it is reached. */
export interface Draft {
  /** `<registry>/<id in it>`, unique within the service. */
  readonly id: string;
  readonly source: string;
  readonly instance: RegistryInstance;
  readonly ports: Readonly<Record<string, number>>;
}

/** The ports by which the workload that an instance is may be known. */
export function numbersOf({ ports, instance }: Draft): readonly number[] {
  return [...Object.values(ports), ...instance.ports.map(({ number }) => number)];
}

/** A service as all registries together say it is. */
export interface Merged {
  readonly service: Omit<Service, 'virtualIps'>;
  readonly drafts: readonly Draft[];
  readonly problems: readonly Problem[];
}

/**
 * Makes one service of what several registries say of it. Where they disagree, the first wins, and the disagreement is named.
 * @param sources at least one, in the order of precedence.
 */
export function mergeSources(ref: ServiceRef, sources: readonly Source[]): Merged {
  const problems: Problem[] = [];
  const ports = mergePorts(sources, problems);
  const labels: Record<string, string> = {};
  for (const { service } of sources) for (const [key, value] of Object.entries(service.labels)) labels[key] ??= value;
  const aliases = new Set<string>();
  for (const { registry, service } of sources)
    for (const alias of service.aliases.map(text => text.toLowerCase())) {
      if (refOf(alias))
        problems.push({ where: registry, why: `"${alias}" is the form of canonical names and cannot be an alias` });
      else aliases.add(alias);
    }
  const registries = [...new Set(sources.map(source => source.registry))];
  return {
    service: {
      namespace: ref.namespace,
      name: ref.name,
      hostname: hostnameOf(ref),
      aliases: [...aliases].sort(),
      ports,
      labels,
      sources: registries,
    },
    drafts: draft(sources, ports, problems),
    problems,
  };
}

function mergePorts(sources: readonly Source[], problems: Problem[]): readonly ServicePort[] {
  const stating = sources.filter(({ service }) => (service.ports?.length ?? 0) > 0);
  const [first, ...others] = stating;
  if (!first) {
    const inferred = inferPorts(sources.flatMap(({ service }) => service.instances));
    problems.push(...inferred.problems);
    return inferred.ports;
  }
  const known = first.registry === AGENT_SOURCE ? dialled(sources) : [];
  if (known.some(({ number }) => !first.service.ports!.some(port => port.number === number))) {
    const numbers = known.map(({ number }) => number).join(', ');
    problems.push({
      where: first.service.instances[0]?.id ?? first.registry,
      why: `a host registers it with other ports than registries list it with (${numbers}), which are followed; change "ports" in its workload file, or state ports: in the registry's settings under services:`,
    });
    return known;
  }
  for (const other of others)
    if (!isDeepStrictEqual(other.service.ports, first.service.ports)) problems.push(...otherPorts(first, other));
  return first.service.ports!;
}

/** Workloads of one service may well listen at ports of their own, which are called. */
function otherPorts(first: Source, other: Source): readonly Problem[] {
  if (first.registry === AGENT_SOURCE) return [];
  const isWorkload = other.registry === AGENT_SOURCE;
  const mend = isWorkload
    ? 'make "ports" in its workload file equal'
    : 'make them equal, or change the order of registries:';
  return [
    {
      where: isWorkload ? `${AGENT_SOURCE}/${other.service.instances[0]?.id}` : other.registry,
      why: `states other ports than "${first.registry}", which comes before it and is followed; ${mend}`,
    },
  ];
}

/** The ports that callers dial where no registry states any and all instances agree: a host that comes must not move them. */
function dialled(sources: readonly Source[]): readonly ServicePort[] {
  const listed = sources.filter(({ registry }) => registry !== AGENT_SOURCE);
  const { ports, problems } = inferPorts(listed.flatMap(({ service }) => service.instances));
  return problems.length === 0 ? ports : [];
}

function draft(sources: readonly Source[], ports: readonly ServicePort[], problems: Problem[]): Draft[] {
  const drafts: Draft[] = [];
  const seen = new Set<string>();
  const ids = new Set<string>();
  for (const { registry, key, service } of sources)
    for (const instance of service.instances) {
      // Listed twice, by two registries or by one under two names: one instance, or it would get twice the traffic.
      const where = isOwn(instance.address) ? `${registry}/${instance.id}` : (instance.network ?? '');
      const place = `${placeOf(where, instance.address)}|${instance.ports[0]?.number ?? 0}`;
      if (seen.has(place)) continue;
      seen.add(place);
      const targets = targetPorts(ports, instance.ports);
      if (Object.keys(targets).length === 0) {
        problems.push({
          where: `${registry}/${instance.id}`,
          why: 'none of its ports is one of the service; left out',
        });
        continue;
      }
      const plain = `${registry}/${instance.id}`;
      const id = ids.has(plain) ? `${registry}/${key}/${instance.id}` : plain;
      ids.add(id);
      drafts.push({ id, source: registry, instance, ports: targets });
    }
  return drafts.sort((a, b) => (a.id < b.id ? -1 : 1));
}
