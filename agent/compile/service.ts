import { isIP } from 'node:net';
import type { TrafficPolicy } from '../../manager/model/config/destination-rule.ts';
import { describeObject } from '../../manager/model/config/object.ts';
import type { ServiceView } from '../../manager/model/host-view.ts';
import type { Instance } from '../../manager/model/instance.ts';
import { isHttp, type ServicePort } from '../../manager/model/service.ts';
import { cluster } from './clusters.ts';
import type { Deliveries } from './deliveries.ts';
import { loadAssignment } from './endpoints.ts';
import type { Problem } from './input.ts';
import { addressCluster, serviceCluster } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';

/** Some of the instances of a port. */
interface Group {
  /** Of the cluster and of its load assignment. */
  readonly name: string;
  readonly statistics: string;
  readonly port: ServicePort;
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: TrafficPolicy | undefined;
}

/** The clusters of a service: for HTTP one a port and subset, for TCP one a port and virtual IP. @param delivers see {@link cluster}. */
export function serviceClusters(view: ServiceView, delivers: JsonMap): readonly Resource[] {
  const origins = originsOf(view);
  return groupsOf(view).map(({ name, statistics, port, policy }) =>
    resource(TYPE.cluster, name, cluster({ name, statistics, protocol: port.protocol, policy, delivers }), origins),
  );
}

/** The instances behind those clusters. Each cluster has its own: Envoy may leave a second user of one name without an answer. */
export function serviceEndpoints(
  view: ServiceView,
  instances: readonly Instance[],
  host: string,
  deliveries: Deliveries,
): readonly Resource[] {
  // A policy is in force only where the way to its workload is the one that it wants.
  const here = instances.flatMap(({ reach }) =>
    reach.kind === 'mesh' && reach.host === host ? [`workload ${reach.workload}`] : [],
  );
  const origins = [...originsOf(view), ...new Set(here)];
  return groupsOf(view).map(({ name, port, labels }) => {
    const chosen = instances.filter(instance => carries(instance.labels, labels));
    return resource(TYPE.endpoints, name, loadAssignment(name, port, chosen, host, deliveries), origins);
  });
}

/** What of a service cannot be followed. */
export function serviceProblems(
  { service, destinationRule }: ServiceView,
  instances: readonly Instance[],
): readonly Problem[] {
  const nameless = instances.filter(({ reach, address }) => reach.kind === 'direct' && isIP(address) === 0);
  const problems = nameless.map(({ id, address }) => ({
    origin: `service ${service.hostname}`,
    message: `instance ${id} takes no calls: this host's name servers have no address for "${address}"; mend the name in its registry, or list an IP address there`,
  }));
  if (destinationRule === undefined) return problems;
  const { trafficPolicy, subsets } = destinationRule.spec;
  const policies = [trafficPolicy, ...subsets.map(subset => subset.trafficPolicy)];
  if (policies.every(policy => policy?.loadBalancer?.simple !== 'PASSTHROUGH')) return problems;
  const message = `loadBalancer PASSTHROUGH means nothing for ${service.hostname}, whose addresses are virtual: LEAST_REQUEST is used`;
  return [...problems, { origin: describeObject(destinationRule), message }];
}

/** A subset's policy stands before the rule's, field by field. UDP is not carried by the proxy. */
function groupsOf({ service, destinationRule }: ServiceView): readonly Group[] {
  const rule = destinationRule?.spec;
  return service.ports.flatMap(port => {
    const whole = serviceCluster(service.hostname, port.number);
    const all = { port, labels: {}, policy: rule?.trafficPolicy };
    if (port.protocol === 'udp') return [];
    if (!isHttp(port.protocol))
      return service.virtualIps.map(address => ({
        ...all,
        name: addressCluster(address, port.number),
        statistics: whole,
      }));
    const subsets = (rule?.subsets ?? []).map(({ name: subset, labels, trafficPolicy }) => {
      const name = serviceCluster(service.hostname, port.number, subset);
      return { port, labels, name, statistics: name, policy: { ...rule?.trafficPolicy, ...trafficPolicy } };
    });
    return [{ ...all, name: whole, statistics: whole }, ...subsets];
  });
}

function originsOf({ service, destinationRule }: ServiceView): readonly string[] {
  return [`service ${service.hostname}`, ...(destinationRule === undefined ? [] : [describeObject(destinationRule)])];
}

function carries(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
