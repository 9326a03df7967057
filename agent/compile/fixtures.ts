import type { DestinationRuleSpec } from '../../manager/model/config/destination-rule.ts';
import type { ConfigObject } from '../../manager/model/config/object.ts';
import type { AuthorizationPolicySpec, MtlsMode, PeerAuthenticationSpec } from '../../manager/model/config/security.ts';
import type { HttpRoute } from '../../manager/model/config/virtual-service.ts';
import type { ServiceView, WorkloadPolicy } from '../../manager/model/host-view.ts';
import type { Instance } from '../../manager/model/instance.ts';
import { NOWHERE } from '../../manager/model/locality.ts';
import type { Protocol } from '../../manager/model/service.ts';
import { type Host, sniOf, type Workload, type WorkloadPort } from '../../manager/model/workload.ts';
import type { Selector } from '../../platforms/platform.ts';
import type { HostInput, ServiceInput, WorkloadInput } from './input.ts';

/** Things of a small mesh, for tests. */

export const TRUST_DOMAIN = 'isthmus.mesh';

export function host(name: string, address: string, tunnelPort: number = 15_008): Host {
  return { name, address, tunnelPort, network: '', locality: NOWHERE };
}

export function input(on: Host, workloads: readonly WorkloadInput[], services: readonly ServiceInput[]): HostInput {
  return {
    host: on,
    mesh: { trustDomain: TRUST_DOMAIN, roots: [], virtualRanges: ['240.240.0.0/16'] },
    workloads,
    left: [],
    services: new Map(services.map(service => [service.view.service.hostname, service])),
    settings: {
      inboundPort: 15_006,
      namespaceOutboundPort: 15_001,
      transparent: true,
      namespaces: '/run/isthmus/namespaces',
      admittedLog: '/dev/null',
      ipv6: true,
    },
  };
}

export function port(number: number, protocol: Protocol = 'http'): WorkloadPort {
  return { number, name: `${protocol}-${number}`, protocol };
}

/** A workload of the namespace `default`, whose service account bears its name; a process of the host unless told otherwise. */
export function workload(
  on: Host,
  name: string,
  ports: readonly WorkloadPort[] = [],
  more: {
    readonly selector?: Selector;
    readonly policy?: WorkloadPolicy | undefined;
    readonly addresses?: string[];
  } = {},
): WorkloadInput {
  const known: Workload = {
    uid: `${on.name}/default/${name}`,
    name,
    namespace: 'default',
    serviceAccount: name,
    labels: {},
    addresses: more.addresses ?? [],
    ports,
    platform: 'linux',
    services: [],
    health: 'healthy',
  };
  const policy = 'policy' in more ? more.policy : policyOf(known.uid);
  return {
    local: { workload: known, selector: more.selector ?? { kind: 'user', uid: 2001 } },
    outboundPort: 20_001,
    policy,
  };
}

export function policyOf(
  uid: string,
  authorization: WorkloadPolicy['authorization'] = [],
  peerAuthentication: WorkloadPolicy['peerAuthentication'] = [],
): WorkloadPolicy {
  return { workload: uid, revision: 'r1', authorization, peerAuthentication, httpPorts: [] };
}

/** A service of the namespace `default` with the virtual IPs 240.240.0.`number` and fdca::`number`. */
export function service(
  name: string,
  number: number,
  ports: readonly WorkloadPort[],
  instances: readonly Instance[] = [],
  config: Partial<Pick<ServiceView, 'virtualServices' | 'destinationRule'>> = {},
): ServiceInput {
  const service = {
    namespace: 'default',
    name,
    hostname: `${name}.default.mesh`,
    aliases: [`${name}.service.consul`],
    ports,
    virtualIps: [`240.240.0.${number}`, `fdca::${number.toString(16)}`],
    labels: {},
    sources: ['test'],
  };
  return { view: { service, virtualServices: [], ...config }, instances };
}

/** An instance that a workload is; each of its ports serves the service port of that name. */
export function instance(on: Host, of: WorkloadInput, more: Partial<Instance> = {}): Instance {
  const { workload } = of.local;
  return {
    ...direct(workload.name, on.address, Object.fromEntries(workload.ports.map(({ name, number }) => [name, number]))),
    reach: {
      kind: 'mesh',
      host: on.name,
      tunnel: `${on.address}:${on.tunnelPort}`,
      workload: workload.uid,
      identity: `spiffe://${TRUST_DOMAIN}/ns/default/sa/${workload.serviceAccount}`,
      sni: sniOf(workload),
      policyRevision: of.policy?.revision ?? '',
    },
    ...more,
  };
}

/** An instance that no agent stands before. */
export function direct(
  id: string,
  address: string,
  ports: Readonly<Record<string, number>>,
  more: Partial<Instance> = {},
): Instance {
  return {
    id: `test/${id}`,
    source: 'test',
    address,
    ports,
    weight: 1,
    labels: {},
    locality: NOWHERE,
    network: '',
    health: 'healthy',
    reach: { kind: 'direct' },
    ...more,
  };
}

export function virtualService(
  name: string,
  http: readonly HttpRoute[],
): ConfigObject<'VirtualService', { readonly hosts: string[]; readonly http: readonly HttpRoute[] }> {
  return object('networking.istio.io/v1', 'VirtualService', name, { hosts: [name], http });
}

export function destinationRule(
  name: string,
  spec: Omit<DestinationRuleSpec, 'host'>,
): ConfigObject<'DestinationRule', DestinationRuleSpec> {
  return object('networking.istio.io/v1', 'DestinationRule', name, { host: name, ...spec });
}

/** Allows or refuses callers by name of their service account in `default`. */
export function authorizationPolicy(
  action: 'ALLOW' | 'DENY',
  ...callers: readonly string[]
): ConfigObject<'AuthorizationPolicy', AuthorizationPolicySpec> {
  const principals = callers.map(name => `${TRUST_DOMAIN}/ns/default/sa/${name}`);
  const spec = { action, rules: [{ from: [{ source: { principals } }] }] };
  return object('security.istio.io/v1', 'AuthorizationPolicy', `${action.toLowerCase()}-some`, spec);
}

export function peerAuthentication(mode: MtlsMode): ConfigObject<'PeerAuthentication', PeerAuthenticationSpec> {
  return object('security.istio.io/v1', 'PeerAuthentication', 'mode', { mtls: { mode }, portLevelMtls: {} });
}

function object<Kind extends string, Spec>(
  apiVersion: string,
  kind: Kind,
  name: string,
  spec: Spec,
): ConfigObject<Kind, Spec> {
  const metadata = {
    name,
    namespace: 'default',
    labels: {},
    annotations: {},
    resourceVersion: '1',
    creationTimestamp: '',
  };
  return { apiVersion, kind, metadata, spec };
}
