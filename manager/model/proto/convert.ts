import type { DestinationRule } from '../config/destination-rule.ts';
import type { ConfigObject } from '../config/object.ts';
import type { AuthorizationPolicy, PeerAuthentication } from '../config/security.ts';
import type { VirtualService } from '../config/virtual-service.ts';
import type { InstanceList, MeshSettings, ServiceName, ServiceView, WorkloadPolicy } from '../host-view.ts';
import type { Health, Instance } from '../instance.ts';
import { NOWHERE } from '../locality.ts';
import { PROTOCOLS, type Protocol, type Service, type ServicePort } from '../service.ts';
import type { Host } from '../workload.ts';
import type { ReportedWorkload } from './messages.ts';

/** A message as protobufjs takes and gives it: fields in camel case, defaults filled in, messages that are absent null. */
// biome-ignore lint/suspicious/noExplicitAny: the schema, not the compiler, knows the types of the fields.
export type Plain = Record<string, any>;

/** Keys in order, so that equal content is equal bytes. */
function sorted<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a newer peer calls by a name that is unknown here is taken for bytes that are passed on. */
function protocolOf(text: string): Protocol {
  return PROTOCOLS.find(protocol => protocol === text) ?? 'tcp';
}

function healthOf(text: string): Health {
  return text === 'unhealthy' || text === 'draining' ? text : 'healthy';
}

function portOf(port: Plain): ServicePort {
  return { number: port['number'], name: port['name'], protocol: protocolOf(port['protocol']) };
}

export const serviceName = {
  toWire: (value: ServiceName): Plain => ({ ...value }),
  fromWire: ({ namespace, name, hostname, aliases, ports, virtualIps }: Plain): ServiceName => ({
    namespace,
    name,
    hostname,
    aliases,
    ports: ports.map(portOf),
    virtualIps,
  }),
};

const service = {
  toWire: (value: Service): Plain => ({ ...value, labels: sorted(value.labels) }),
  fromWire: (plain: Plain): Service => ({
    ...serviceName.fromWire(plain),
    labels: plain['labels'],
    sources: plain['sources'],
  }),
};

const config = {
  toWire: ({ apiVersion, kind, metadata, spec }: ConfigObject): Plain => ({
    apiVersion,
    kind,
    ...metadata,
    labels: sorted(metadata.labels),
    annotations: sorted(metadata.annotations),
    specJson: JSON.stringify(spec),
  }),
  /** The Manager validated the object; its kind says the type of the spec. */
  fromWire<T extends ConfigObject>(plain: Plain): T {
    const { apiVersion, kind, specJson, name, namespace, labels, annotations, resourceVersion, creationTimestamp } =
      plain;
    const metadata = { name, namespace, labels, annotations, resourceVersion, creationTimestamp };
    return { apiVersion, kind, metadata, spec: JSON.parse(specJson) } as unknown as T;
  },
};

export const serviceView = {
  toWire: (view: ServiceView): Plain => ({
    service: service.toWire(view.service),
    virtualServices: view.virtualServices.map(config.toWire),
    ...(view.destinationRule && { destinationRule: config.toWire(view.destinationRule) }),
  }),
  fromWire: (plain: Plain): ServiceView => ({
    service: service.fromWire(plain['service'] ?? {}),
    virtualServices: plain['virtualServices'].map((each: Plain) => config.fromWire<VirtualService>(each)),
    ...(plain['destinationRule'] && { destinationRule: config.fromWire<DestinationRule>(plain['destinationRule']) }),
  }),
};

const instance = {
  toWire({ reach, ...rest }: Instance): Plain {
    const { kind, ...mesh } = reach as { kind: string } & Plain;
    return {
      ...rest,
      ports: sorted(rest.ports),
      labels: sorted(rest.labels),
      ...(kind === 'mesh' && { reach: mesh }),
    };
  },
  fromWire(plain: Plain): Instance {
    const { id, source, address, ports, weight, labels, network, health, reach } = plain;
    return {
      id,
      source,
      address,
      ports,
      weight,
      labels,
      locality: plain['locality'] ?? NOWHERE,
      network,
      health: healthOf(health),
      reach: reach?.host ? { kind: 'mesh', ...reach } : { kind: 'direct' },
    };
  },
};

export const instanceList = {
  toWire: ({ hostname, instances }: InstanceList): Plain => ({
    hostname,
    instances: instances.map(each => instance.toWire(each)),
  }),
  fromWire: ({ hostname, instances }: Plain): InstanceList => ({
    hostname,
    instances: instances.map((each: Plain) => instance.fromWire(each)),
  }),
};

export const workloadPolicy = {
  toWire: ({ authorization, peerAuthentication, ...rest }: WorkloadPolicy): Plain => ({
    ...rest,
    authorization: authorization.map(config.toWire),
    peerAuthentication: peerAuthentication.map(config.toWire),
  }),
  fromWire: ({ workload, revision, authorization, peerAuthentication, httpPorts }: Plain): WorkloadPolicy => ({
    workload,
    revision,
    authorization: authorization.map((each: Plain) => config.fromWire<AuthorizationPolicy>(each)),
    peerAuthentication: peerAuthentication.map((each: Plain) => config.fromWire<PeerAuthentication>(each)),
    httpPorts,
  }),
};

export const meshSettings = {
  toWire: (value: MeshSettings): Plain => ({ ...value }),
  fromWire: ({ trustDomain, roots, virtualRanges }: Plain): MeshSettings => ({ trustDomain, roots, virtualRanges }),
};

export const workload = {
  toWire: (value: ReportedWorkload): Plain => ({ ...value, labels: sorted(value.labels) }),
  fromWire: (plain: Plain): ReportedWorkload => {
    const { uid, name, namespace, serviceAccount, labels, addresses, platform, services, policyRevision } = plain;
    return {
      uid,
      name,
      namespace,
      serviceAccount,
      labels,
      addresses,
      ports: plain['ports'].map(portOf),
      platform,
      services,
      health: healthOf(plain['health']),
      policyRevision,
    };
  },
};

export const host = {
  fromWire: ({ name, address, tunnelPort, network, locality }: Plain): Host => ({
    name,
    address,
    tunnelPort,
    network,
    locality: locality ?? NOWHERE,
  }),
};
