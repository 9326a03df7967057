import test from 'ava';
import type { Instance } from '../instance.ts';
import type { HostReportMessage } from './messages.ts';
import { loadWire, type Resources, type ResourceType } from './wire.ts';

const wire = loadWire();
const metadata = {
  name: 'reviews',
  namespace: 'default',
  labels: {},
  annotations: { note: 'x' },
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
};
const service = {
  namespace: 'default',
  name: 'reviews',
  hostname: 'reviews.default.mesh',
  aliases: ['reviews.service.consul'],
  ports: [{ number: 9080, name: 'http', protocol: 'http' as const }],
  virtualIps: ['240.240.3.7', 'fd69:7374:686d::307'],
};
const direct: Instance = {
  id: 'consul/a',
  source: 'consul',
  address: '10.0.0.1',
  ports: { http: 9080 },
  weight: 0.5,
  labels: { version: 'v1', a: 'b' },
  locality: { region: 'eu', zone: '', subzone: '' },
  network: '',
  health: 'draining',
  reach: { kind: 'direct' },
};
const mesh: Instance = {
  ...direct,
  weight: 0,
  reach: {
    kind: 'mesh',
    host: 'b',
    tunnel: '10.0.0.2:15008',
    workload: 'b/default/reviews',
    identity: 'spiffe://isthmus.mesh/ns/default/sa/reviews',
    sni: 'reviews.default.b.mesh',
    policyRevision: 'r1',
  },
};
const config = { apiVersion: 'networking.istio.io/v1', metadata };
const SAMPLES: { readonly [T in ResourceType]: Resources[T] } = {
  MeshSettings: { trustDomain: 'isthmus.mesh', roots: ['pem'], virtualRanges: ['240.240.0.0/16'] },
  ServiceName: service,
  ServiceView: {
    service: { ...service, labels: { team: 'x' }, sources: ['consul', 'zk'] },
    virtualServices: [{ ...config, kind: 'VirtualService', spec: { hosts: ['reviews'], http: [] } }],
    destinationRule: { ...config, kind: 'DestinationRule', spec: { host: 'reviews', subsets: [] } },
  },
  InstanceList: { hostname: service.hostname, instances: [direct, mesh] },
  WorkloadPolicy: {
    workload: 'b/default/reviews',
    revision: 'r1',
    authorization: [{ ...config, kind: 'AuthorizationPolicy', spec: { action: 'ALLOW', rules: [] } }],
    peerAuthentication: [
      { ...config, kind: 'PeerAuthentication', spec: { mtls: { mode: 'STRICT' }, portLevelMtls: {} } },
    ],
    httpPorts: [80, 9081],
  },
};

for (const type of Object.keys(SAMPLES) as ResourceType[])
  test(`${type} comes through as it was`, t => {
    const decoded: unknown = wire.decode(type, wire.encode(type, SAMPLES[type]));
    t.deepEqual(decoded, SAMPLES[type]);
  });

test('a policy as Managers wrote it before they told of ports has none', t => {
  const policy = { ...SAMPLES.WorkloadPolicy, httpPorts: [] };
  const bytes = wire.encode('WorkloadPolicy', policy);
  t.deepEqual(bytes, wire.encode('WorkloadPolicy', { ...policy, httpPorts: undefined as unknown as number[] }));
  t.deepEqual(wire.decode('WorkloadPolicy', bytes), policy);
});

test('a service without rules comes through without them', t => {
  const { service: plain } = SAMPLES.ServiceView;
  const view = { service: plain, virtualServices: [] };
  t.deepEqual(wire.decode('ServiceView', wire.encode('ServiceView', view)), view);
});

test('the order in which labels were set does not change the bytes', t => {
  const turned = { ...direct, labels: { a: 'b', version: 'v1' } };
  const bytes = (instance: Instance): Uint8Array =>
    wire.encode('InstanceList', { hostname: 'x', instances: [instance] });
  t.deepEqual(bytes(turned), bytes(direct));
});

test('a heartbeat tells "unchanged" from "none"', t => {
  const report = wire.service['Report']!;
  const through = (message: HostReportMessage): unknown => report.requestDeserialize(report.requestSerialize(message));
  t.deepEqual(through({ sequence: 4 }), { sequence: 4 });
  t.deepEqual(through({ sequence: 5, workloads: [] }), { sequence: 5, workloads: [] });
  const host = { name: 'a', address: '', tunnelPort: 15_008, network: '', locality: direct.locality };
  t.deepEqual(through({ sequence: 6, host }), { sequence: 6, host });
});
