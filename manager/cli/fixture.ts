import type { HostReport, Inspect, RegistryReport, ServiceReport, WorkloadReport } from '../api/inspect.ts';

/** For tests of commands: a mesh of one host, with one service in two registries, in which something of every kind is wrong. */

const LOCALITY = { region: 'eu', zone: 'eu-1', subzone: '' };

/** Its service. */
export const SERVICE: ServiceReport = {
  namespace: 'default',
  name: 'reviews',
  hostname: 'reviews.default.mesh',
  aliases: ['reviews.service.consul'],
  ports: [{ number: 9080, name: 'http', protocol: 'http' }],
  virtualIps: ['240.240.0.1'],
  labels: {},
  sources: ['consul', 'zk'],
  instances: [
    {
      id: 'consul/r1',
      source: 'consul',
      address: '10.0.0.1',
      ports: { http: 9080 },
      weight: 1,
      labels: { version: 'v1' },
      locality: LOCALITY,
      network: '',
      health: 'healthy',
      reach: {
        kind: 'mesh',
        host: 'a',
        tunnel: '10.0.0.1:15008',
        workload: 'a/default/reviews',
        identity: 'spiffe://isthmus.mesh/ns/default/sa/reviews',
        sni: 'reviews.default.a.mesh',
        policyRevision: '',
      },
    },
    {
      id: 'zk/r2',
      source: 'zk',
      address: '10.0.0.2',
      ports: { http: 9081 },
      weight: 1,
      labels: { version: 'v2' },
      locality: LOCALITY,
      network: '',
      health: 'unhealthy',
      reach: { kind: 'direct' },
    },
  ],
  unheard: [],
  withheld: [],
};

/** Its host. */
export const HOST: HostReport = {
  name: 'a',
  address: '10.0.0.1',
  tunnelPort: 15_008,
  network: '',
  locality: LOCALITY,
  joinedAt: 0,
  lease: { state: 'held', lastHeard: Date.now(), expires: Date.now() + 10_000 },
  agentVersion: '0.1.0',
  envoyVersion: '1.40.0',
  envoyConnected: true,
  startedAt: 0,
  workloads: ['a/default/reviews'],
  subscriptions: { ServiceView: 1, InstanceList: 1 },
  rejections: [
    { resource: 'out/9080', reason: 'no such filter', origins: ['VirtualService default/reviews'] },
    { resource: 'certificate of a/default/reviews', reason: 'no', origins: ['workload a/default/reviews'] },
  ],
};

const WORKLOAD: WorkloadReport = {
  uid: 'a/default/reviews',
  name: 'reviews',
  namespace: 'default',
  serviceAccount: 'reviews',
  labels: {},
  addresses: ['10.0.0.1'],
  ports: [{ number: 9080, name: 'http', protocol: 'http' }],
  platform: 'linux',
  services: [],
  health: 'healthy',
  host: 'a',
  identity: 'spiffe://isthmus.mesh/ns/default/sa/reviews',
  serves: ['reviews.default.mesh'],
  policy: { wanted: '2', inForce: '1' },
};

/** The registry that was lost. */
export const REGISTRY: RegistryReport = {
  name: 'zk',
  kind: 'zookeeper',
  state: 'stale',
  error: 'connection refused',
  services: 1,
  instances: 1,
  problems: [{ where: '/reviews/member_3', why: 'is no JSON' }],
};

/** What the Manager tells of that mesh. */
export const INSPECT: Partial<Inspect> = {
  services: () => [SERVICE],
  hosts: () => [HOST],
  workloads: () => [WORKLOAD],
  registries: () => [REGISTRY],
  refusals: () => [
    {
      reason: 'token-used',
      count: 3,
      last: { at: Date.now(), from: '10.0.0.9', why: 'the join token was used by host b' },
    },
  ],
};
