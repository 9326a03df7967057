import { decide } from '../../auth/policy/decide.ts';
import type { Instance } from '../../manager/model/instance.ts';
import { dialledFor } from './admitted.ts';
import { appEndpoint } from './app.ts';
import { calledPortsOf } from './called.ts';
import type { HostInput, WorkloadInput } from './input.ts';
import type { Memo } from './memo.ts';
import type { JsonMap } from './resource.ts';
import { identityOf } from './tls.ts';

/**
 * A port of a workload of this host that every workload of this host may call, also those that just left: there is nothing to judge, so
 * Envoy dials it for whoever calls. The way through a listener inside Envoy, where callers are judged, costs a sixth of what a call costs.
 */
export interface Delivery {
  readonly endpoint: JsonMap;
  /** By which the callers that it was dialled for are known once a policy refuses some. */
  readonly metadata: JsonMap;
}

/** By workload and port, see {@link deliveryKey}. */
export type Deliveries = ReadonlyMap<string, Delivery>;

export function deliveryKey(workload: string, port: number): string {
  return `${workload}/${port}`;
}

/**
 * Those of all workloads of the host. None of a workload with a network namespace: a cluster dials all of its instances from one.
 * @param memo keeps what comes out the same objects, as long as what goes in is.
 */
export function deliveriesOf({ workloads, left, mesh, host, settings }: HostInput, memo: Memo): Deliveries {
  const { trustDomain } = mesh;
  const here = workloads.map(({ local }) => identityOf(local.workload, trustDomain));
  const callers = [...new Set([...here, ...left])].sort();
  const key = callers.join();
  const each = workloads.map(({ local, policy }) =>
    memo.get(`delivered ${local.workload.uid}`, [local, policy, key, host.address, settings], () =>
      ofWorkload({ local, policy }, callers, { host, settings }),
    ),
  );
  return memo.get('delivered', each, () => new Map(each.flat()));
}

function ofWorkload(
  { local, policy }: Pick<WorkloadInput, 'local' | 'policy'>,
  callers: readonly string[],
  { host, settings }: Pick<HostInput, 'host' | 'settings'>,
): readonly (readonly [string, Delivery])[] {
  const { workload, selector } = local;
  if (policy === undefined || selector.kind === 'namespace') return [];
  return calledPortsOf(workload, policy)
    .filter(({ allowed, number }) => callers.every(principal => decide(allowed, { principal, port: number })))
    .map(({ number, cluster }) => [
      deliveryKey(workload.uid, number),
      { endpoint: appEndpoint(local, host.address, number, settings), metadata: dialledFor(cluster) },
    ]);
}

/**
 * Whether deliveries may be among the instances. The cluster that dials them marks all that it dials as delivered, which the kernel's rules
 * then lead past nobody's policy: it may dial nothing that a registry merely names, as that may be a workload of this host.
 */
export function maySkipTheListener(instances: readonly Instance[]): boolean {
  return instances.every(({ reach }) => reach.kind !== 'direct');
}

/** Those that the instances of a service stand for. */
export function deliveriesTo(instances: readonly Instance[], host: string, all: Deliveries): Deliveries {
  const found = new Map<string, Delivery>();
  if (!maySkipTheListener(instances)) return found;
  for (const { reach, ports } of instances) {
    if (reach.kind === 'direct' || reach.host !== host) continue;
    for (const port of Object.values(ports)) {
      const key = deliveryKey(reach.workload, port);
      const delivery = all.get(key);
      if (delivery) found.set(key, delivery);
    }
  }
  return found;
}
