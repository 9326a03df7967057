import { isIPv6 } from 'node:net';
import { spiffeId } from '../../auth/identity.ts';
import type { Health, Instance, Reach } from '../model/instance.ts';
import { NOWHERE } from '../model/locality.ts';
import { sniOf } from '../model/workload.ts';
import type { Draft } from './merge.ts';
import type { PlacedWorkload } from './workload-index.ts';

/**
 * An instance with how it is reached; undefined when it cannot be: the host that holds it is not heard of. Then it must not be
 * dialled past its agent either.
 * @param placed the workload that listens there.
 */
export function instanceOf(
  draft: Draft,
  placed: PlacedWorkload | undefined,
  trustDomain: string,
): Instance | undefined {
  if (placed && !placed.alive) return undefined;
  const { instance, id, source, ports } = draft;
  return {
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
}

function meshReach({ workload, host }: PlacedWorkload, trustDomain: string): Reach {
  const { namespace, serviceAccount } = workload;
  const address = isIPv6(host.address) ? `[${host.address}]` : host.address;
  return {
    kind: 'mesh',
    host: host.name,
    tunnel: `${address}:${host.tunnelPort}`,
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
