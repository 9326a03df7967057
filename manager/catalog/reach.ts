import { spiffeId } from '../../auth/identity.ts';
import type { Problem } from '../../registries/registry.ts';
import {
  AGENT_SOURCE,
  type Health,
  type Instance,
  type Reach,
  targetPort,
  type WithheldInstance,
} from '../model/instance.ts';
import { NOWHERE } from '../model/locality.ts';
import { isHttp, type ServicePort } from '../model/service.ts';
import { withPort } from '../model/util/address.ts';
import { sniOf } from '../model/workload.ts';
import type { LedTo } from './http-ports.ts';
import { type Draft, numbersOf } from './merge.ts';
import type { Withheld } from './withheld.ts';
import type { PlacedWorkload, WorkloadIndex } from './workload-index.ts';

/** The instances of a service. */
export interface ReachedInstances {
  /** Those that callers are told of. */
  readonly instances: readonly Instance[];
  /** Those left out since their host is not heard of. */
  readonly unheard: readonly Instance[];
  readonly withheld: readonly WithheldInstance[];
  /** The removed hosts for whose sake some are withheld. */
  readonly removed: ReadonlySet<string>;
  /** Where callers speak HTTP to workloads. */
  readonly http: readonly LedTo[];
  /** Where workloads say something else of themselves than the service. */
  readonly problems: readonly Problem[];
}

/** Says how the instances of a service are reached, and which callers are told of. @param ports of the service. */
export function reachAll(
  drafts: readonly Draft[],
  ports: readonly ServicePort[],
  mesh: {
    readonly workloads: Pick<WorkloadIndex, 'get' | 'find'>;
    readonly withheld: Pick<Withheld, 'find'>;
    readonly trustDomain: string;
  },
): ReachedInstances {
  const reached: Reached[] = [];
  const withheld: WithheldInstance[] = [];
  const removed = new Set<string>();
  const http: LedTo[] = [];
  const problems: Problem[] = [];
  for (const draft of drafts) {
    const { instance, source, id } = draft;
    const registered = source === AGENT_SOURCE ? mesh.workloads.get(id.slice(source.length + 1)) : undefined;
    const where = [instance.network ?? '', instance.address, numbersOf(draft)] as const;
    const placed = registered ?? mesh.workloads.find(...where);
    const held = placed ? undefined : mesh.withheld.find(...where);
    if (held) {
      const { reach: _, ...rest } = instanceOf(draft, undefined, mesh.trustDomain).instance;
      withheld.push({ ...rest, removedHost: held.host, workload: held.workload });
      removed.add(held.key);
    } else {
      reached.push(instanceOf(draft, placed, mesh.trustDomain));
      if (!placed) continue;
      http.push(...httpTo(draft, ports, placed));
      problems.push(...disagreements(draft, ports, placed));
    }
  }
  return { ...standing(reached), withheld, removed, http, problems };
}

function httpTo(draft: Draft, ports: readonly ServicePort[], { workload }: PlacedWorkload): LedTo[] {
  return ports
    .filter(({ protocol }) => isHttp(protocol))
    .flatMap(({ name }) => targetPort(draft, name) ?? [])
    .map(port => ({ workload: workload.uid, port }));
}

/** Where either names HTTP, callers are refused in HTTP; those of a service that names something else may not understand it. */
function disagreements(draft: Draft, ports: readonly ServicePort[], { workload }: PlacedWorkload): Problem[] {
  return ports.flatMap(port => {
    const own = workload.ports.find(({ number }) => number === targetPort(draft, port.name));
    if (own === undefined || !isHttp(own.protocol) || isHttp(port.protocol)) return [];
    const why = `workload ${workload.uid} says that its port ${own.number} speaks ${own.protocol}, and callers speak ${port.protocol} to it: no routes hold for them, and whom its policies refuse is told so in HTTP; state one protocol in the file of the workload and for the service`;
    return [{ where: draft.id, why }];
  });
}

/** An instance, and whether the host that holds it was heard of within its lease. */
export interface Reached {
  readonly instance: Instance;
  readonly heard: boolean;
}

/**
 * An instance with how it is reached. One whose host is not heard of must not be dialled past its agent either.
 * @param placed the workload that listens there.
 */
function instanceOf(draft: Draft, placed: PlacedWorkload | undefined, trustDomain: string): Reached {
  const { instance, id, source, ports } = draft;
  const made: Instance = {
    id,
    source,
    address: instance.address,
    ports,
    weight: instance.weight,
    labels: { ...placed?.workload.labels, ...instance.labels },
    locality: instance.locality ?? placed?.host.locality ?? NOWHERE,
    network: instance.network ?? placed?.host.network ?? '',
    health: worst(instance.health, placed?.workload.health ?? 'healthy'),
    reach: placed ? meshReach(placed, trustDomain) : { kind: 'direct' },
  };
  return { instance: made, heard: placed?.alive ?? true };
}

/**
 * Instances of hosts that are not heard of are left out, unless there are no others: agents that fall silent everywhere (an upgrade
 * that went wrong) have left their Envoys working. Those are kept as unhealthy.
 */
export function standing(reached: readonly Reached[]): Pick<ReachedInstances, 'instances' | 'unheard'> {
  const those = (heard: boolean): Instance[] =>
    reached.filter(each => each.heard === heard).map(({ instance }) => instance);
  const [heard, unheard] = [those(true), those(false)];
  if (heard.length > 0) return { instances: heard, unheard };
  return { instances: unheard.map(instance => ({ ...instance, health: 'unhealthy' })), unheard: [] };
}

function meshReach({ workload, host }: PlacedWorkload, trustDomain: string): Reach {
  const { namespace, serviceAccount } = workload;
  return {
    kind: 'mesh',
    host: host.name,
    tunnel: withPort(host.address, host.tunnelPort),
    workload: workload.uid,
    identity: spiffeId({ trustDomain, namespace, serviceAccount }),
    sni: sniOf(workload),
    policyRevision: workload.policyRevision,
  };
}

const ORDER: readonly Health[] = ['healthy', 'draining', 'unhealthy'];

function worst(a: Health, b: Health): Health {
  return ORDER[Math.max(ORDER.indexOf(a), ORDER.indexOf(b))]!;
}
