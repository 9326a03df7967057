import test from 'ava';
import { Compiler } from './compile.ts';
import * as make from './fixtures.ts';
import type { HostInput, HostSettings, ServiceInput, WorkloadInput } from './input.ts';

const A = make.host('a', '10.0.0.1');
const B = make.host('b', '10.0.0.2');
const C = make.host('c', '10.0.0.3');
const web = make.workload(A, 'web', [make.port(8080), make.port(5432, 'tcp')], { addresses: ['10.0.0.1'] });
const inner = make.workload(A, 'inner', [make.port(8081)], {
  addresses: ['172.17.0.2'],
  selector: { kind: 'namespace', path: '/run/netns/inner', id: '1' },
});
const plain = make.workload(A, 'plain', [make.port(8083)]);
const unknown = make.workload(A, 'unknown', [make.port(8082)], { policy: undefined });
const twin = make.workload(A, 'twin', [make.port(8080)], { addresses: ['10.0.0.1'] });
const remote = make.instance(B, make.workload(B, 'reviews', [make.port(9080)]));
const local = make.instance(A, web, { ports: { 'http-9080': 8080 } });
const third = make.instance(C, make.workload(C, 'reviews', [make.port(9080)]));
const nowhere = make.direct('named', 'reviews.example', { 'http-9080': 80 });
const split = (timeoutMs: number) =>
  make.virtualService('reviews', [
    { match: [], route: [{ destination: { host: 'other.default.mesh' }, weight: 1 }], timeoutMs },
  ]);
const reviews = make.service('reviews', 1, [make.port(9080)], [remote, third, local, nowhere], {
  virtualServices: [split(1)],
});
const other = make.service('other', 2, [make.port(9080)], [make.direct('o', '10.0.0.9', { 'http-9080': 80 })]);
const db = make.service('db', 3, [make.port(5432, 'tcp')], [make.direct('d', '10.0.0.8', { 'tcp-5432': 5432 })]);
/** Has the address of another. */
const same = make.service('same', 3, [make.port(9080)], [remote, local]);

const base = make.input(A, [web, inner, unknown, twin, plain], [reviews, other, db, same]);

const settings = (more: Partial<HostSettings>): HostInput => ({ ...base, settings: { ...base.settings, ...more } });
const workload = (more: Partial<WorkloadInput>, at = 0): HostInput => ({
  ...base,
  workloads: base.workloads.map((each, index) => (index === at ? { ...each, ...more } : each)),
});
const known = (input: WorkloadInput, more: Partial<WorkloadInput['local']['workload']>): WorkloadInput['local'] => ({
  ...input.local,
  workload: { ...input.local.workload, ...more },
});
const service = ({ view, instances }: ServiceInput, more: Partial<ServiceInput>): HostInput => ({
  ...base,
  services: new Map(base.services).set(view.service.hostname, { view, instances, ...more }),
});
const view = (of: ServiceInput, more: Partial<ServiceInput['view']>): HostInput =>
  service(of, { view: { ...of.view, ...more } });
const without = (...hostnames: readonly string[]): HostInput => ({
  ...base,
  services: new Map([...base.services].filter(([hostname]) => !hostnames.includes(hostname))),
});
const policy = (authorization: Parameters<typeof make.policyOf>[1]): HostInput =>
  workload({ policy: make.policyOf(web.local.workload.uid, authorization) });

const CHANGES: Readonly<Record<string, HostInput>> = {
  'the address of the host': { ...base, host: { ...A, address: '10.0.0.7' } },
  'its tunnel port': { ...base, host: { ...A, tunnelPort: 15_009 } },
  'its name': { ...base, host: { ...A, name: 'b' } },
  'the trust domain': { ...base, mesh: { ...base.mesh, trustDomain: 'else.mesh' } },
  'the port for what comes in': settings({ inboundPort: 16_006 }),
  'the port for what leaves a namespace': settings({ namespaceOutboundPort: 16_001 }),
  'the folder of namespaces': settings({ namespaces: '/run/else' }),
  'the log of who is let in': settings({ admittedLog: '/tmp/log' }),
  'no IPv6': settings({ ipv6: false }),
  'no transparent listeners': settings({ transparent: false }),
  'an outbound port': workload({ outboundPort: 20_009 }),
  'another policy': policy([make.authorizationPolicy('DENY', 'batch')]),
  'a policy that is known': workload({ policy: make.policyOf(unknown.local.workload.uid) }, 2),
  'a policy that is not known any more': workload({ policy: undefined }),
  'ports of a workload': workload({ local: known(web, { ports: [make.port(8089)] }) }),
  'addresses of a workload': workload({ local: known(web, { addresses: ['10.0.0.3'] }) }),
  'a service account': workload({ local: known(web, { serviceAccount: 'else' }) }),
  'another namespace': workload(
    { local: { ...inner.local, selector: { kind: 'namespace', path: '/run/else', id: '2' } } },
    1,
  ),
  'a workload that goes': { ...base, workloads: [inner, twin] },
  'workloads in another order': { ...base, workloads: [twin, unknown, inner, web] },
  'no workload': { ...base, workloads: [] },
  'an instance that goes': service(reviews, { instances: [remote, local, nowhere] }),
  'an instance with another policy': service(reviews, {
    instances: [{ ...remote, reach: { ...remote.reach, policyRevision: 'r2' } as typeof remote.reach }],
  }),
  'instances that are all direct': service(reviews, { instances: other.instances }),
  'instances of a service whose address is that of another': service(same, { instances: [local] }),
  'instances that are of the host': service(other, { instances: [local] }),
  'another timeout': view(reviews, { virtualServices: [split(2)] }),
  'a balancer that means nothing': view(other, {
    destinationRule: make.destinationRule('other', {
      trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } },
      subsets: [],
    }),
  }),
  'ports of a service': view(reviews, { service: { ...reviews.view.service, ports: [make.port(9081)] } }),
  'another protocol': view(db, { service: { ...db.view.service, ports: [make.port(5432)] } }),
  'addresses of a service': view(db, { service: { ...db.view.service, virtualIps: ['240.240.0.9'] } }),
  'a service without address': view(reviews, { service: { ...reviews.view.service, virtualIps: [] } }),
  'routes that go': view(reviews, { virtualServices: [] }),
  'subsets of the destination of a route': view(other, {
    destinationRule: make.destinationRule('other', { subsets: [{ name: 'v1', labels: { version: 'v1' } }] }),
  }),
  'a destination that goes': without('other.default.mesh'),
  'a service that goes whose address another has': without('db.default.mesh'),
  'no service': without(...base.services.keys()),
};

for (const [what, changed] of Object.entries(CHANGES))
  test(`what is made after a change is what would be made anew: ${what}`, t => {
    let now = 0;
    const compiler = new Compiler(() => now);
    const made = (input: HostInput) => {
      compiler.compile(input);
      // Hosts that nothing names any more are listed for another hour.
      now += 3_600_000;
      return compiler.compile(input);
    };
    const [first, anew] = [new Compiler().compile(base), new Compiler().compile(changed)];
    t.notDeepEqual(anew, first);
    t.deepEqual(made(base), first);
    t.deepEqual(made(changed), anew);
    t.deepEqual(made(base), first);
  });
