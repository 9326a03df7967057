import { isIP } from 'node:net';
import { type Health, type Instance, targetPort } from '../../manager/model/instance.ts';
import type { Locality } from '../../manager/model/locality.ts';
import type { ServicePort } from '../../manager/model/service.ts';
import { type Deliveries, type Delivery, deliveryKey } from './deliveries.ts';
import { farHost } from './far-hosts.ts';
import { socket } from './filters.ts';
import { HBONE } from './hbone.ts';
import { localListener, METADATA } from './names.ts';
import type { JsonMap } from './resource.ts';

const HEALTH: Readonly<Record<Health, string>> = { healthy: 'HEALTHY', unhealthy: 'UNHEALTHY', draining: 'DRAINING' };

/** Envoy adds weights up in 32 bits; some are rounded up to 1. */
const HEAVIEST = 4_000_000_000;

/** Marks endpoints that are dialled in plaintext; the others are reached through a listener inside this Envoy. */
export const DIRECT: JsonMap = { via: 'address' };

/**
 * The instances that serve a port, as a ClusterLoadAssignment. Weight 0 is left out. Instances of this host are dialled where nobody need be
 * judged, and else reached inside Envoy.
 *
 * @param name of the assignment.
 */
export function loadAssignment(
  name: string,
  port: ServicePort,
  instances: readonly Instance[],
  host: string,
  deliveries: Deliveries,
): JsonMap {
  const scale = scaleOf(instances.map(({ weight }) => weight));
  const groups = new Map<string, { locality: Locality; endpoints: JsonMap[] }>();
  for (const instance of instances) {
    const target = targetPort(instance, port.name);
    if (target === undefined || instance.weight <= 0) continue;
    const address = endpoint(instance, target, host, deliveries);
    if (address === undefined) continue;
    const { region, zone, subzone } = instance.locality;
    const key = JSON.stringify([region, zone, subzone]);
    const group = groups.get(key) ?? { locality: instance.locality, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push({
      ...address,
      health_status: HEALTH[instance.health],
      load_balancing_weight: Math.max(1, Math.round(instance.weight * scale)),
    });
  }
  const endpoints = [...groups.values()].map(({ locality: { region, zone, subzone }, endpoints }) => ({
    locality: { region, zone, sub_zone: subzone },
    lb_endpoints: endpoints,
  }));
  return { cluster_name: name, endpoints };
}

/** What makes weights whole numbers whose sum Envoy takes: it would refuse the endpoints, and with them a policy that changes the way there. */
function scaleOf(weights: readonly number[]): number {
  const sum = weights.reduce((sum, weight) => sum + weight, 0);
  return Math.min(weights.every(Number.isInteger) ? 1 : 1000, HEAVIEST / sum);
}

/** Undefined for a host name: only addresses can stand here. */
function endpoint(instance: Instance, port: number, host: string, deliveries: Deliveries): JsonMap | undefined {
  const { reach } = instance;
  if (reach.kind === 'direct') {
    if (isIP(instance.address) === 0) return undefined;
    return dialled({ endpoint: { address: socket(instance.address, port) }, metadata: {} });
  }
  // A new policy makes a new endpoint: Envoy drains the pools of the old one, and new requests open tunnels that are judged anew.
  const state = `${instance.id}|${reach.policyRevision}`;
  if (reach.host === host) {
    const delivery = deliveries.get(deliveryKey(reach.workload, port));
    return delivery ? dialled(delivery) : inside(localListener(reach.workload, port), state);
  }
  const authority = `${reach.sni}:${port}`;
  // Envoy keeps three copies of these, more than 1 KB each: nothing else of an endpoint takes as much.
  const facts = { host: farHost(reach.tunnel), authority, sni: reach.sni, san: reach.identity };
  // So does all that says where a tunnel leads: metadata alone would leave the connections that stand where they are.
  const id = `${state}|${reach.tunnel}|${authority}|${reach.identity}`;
  return { ...inside(HBONE, id), ...metadata({ [METADATA]: facts }) };
}

function dialled({ endpoint, metadata: more }: Delivery): JsonMap {
  return { endpoint, ...metadata({ 'envoy.transport_socket_match': DIRECT, ...more }) };
}

function inside(listener: string, endpointId: string): JsonMap {
  return {
    endpoint: { address: { envoy_internal_address: { server_listener_name: listener, endpoint_id: endpointId } } },
  };
}

function metadata(facts: JsonMap): JsonMap {
  return { metadata: { filter_metadata: facts } };
}
