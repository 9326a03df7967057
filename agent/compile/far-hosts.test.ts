import test from 'ava';
import type { Instance } from '../../manager/model/instance.ts';
import type { Host } from '../../manager/model/workload.ts';
import { Compiler } from './compile.ts';
import { direct, host, input, instance, port, service, workload } from './fixtures.ts';
import type { HostInput, ServiceInput } from './input.ts';
import { type JsonMap, type Resource, TYPE } from './resource.ts';

const A = host('a', '10.0.0.1');
const B = host('b', '10.0.0.2');
const C = host('c', '10.0.0.3');
const on = (place: Host, name: string): Instance => instance(place, workload(place, name, [port(80)]));
const calling = (...services: readonly ServiceInput[]): HostInput => input(A, [workload(A, 'web')], services);
const reviews = (...instances: readonly Instance[]): ServiceInput => service('reviews', 1, [port(80)], instances);
const ratings = (...instances: readonly Instance[]): ServiceInput => service('ratings', 2, [port(80)], instances);

function listOf(compiler: Compiler, made: HostInput): Resource {
  return compiler.compile(made).resources.find(({ typeUrl, name }) => typeUrl === TYPE.endpoints && name === 'hbone')!;
}

interface Socket {
  readonly socket_address: { readonly address: string; readonly port_value: number };
}

function addresses({ body }: Resource): string[] {
  const groups = body['endpoints'] as unknown as readonly { readonly lb_endpoints: readonly JsonMap[] }[];
  return groups.flatMap(({ lb_endpoints: each }) =>
    each.map(({ endpoint }) => {
      const { socket_address: socket } = (endpoint as unknown as { readonly address: Socket }).address;
      return `${socket.address} ${socket.port_value}`;
    }),
  );
}

test('the list holds each other host once, and neither this one nor what no agent stands before', t => {
  const made = calling(
    reviews(on(B, 'reviews'), on(A, 'reviews'), on(C, 'reviews')),
    ratings(on(B, 'ratings'), direct('d', '10.0.0.9', {})),
  );
  t.deepEqual(addresses(listOf(new Compiler(), made)), ['10.0.0.2 15008', '10.0.0.3 15008']);
});

test('the list and the endpoints write an address alike, as Envoy does', t => {
  const six = { ...on(B, 'reviews') };
  const far = { ...six, reach: { ...six.reach, tunnel: '[FD00:0:0::0001]:15008' } } as Instance;
  const { resources } = new Compiler().compile(calling(reviews(far)));
  const endpoints = resources.find(({ typeUrl, name }) => typeUrl === TYPE.endpoints && name.startsWith('out|'))!;
  t.true(JSON.stringify(endpoints.body).includes('"host":"[fd00::1]:15008"'));
  t.deepEqual(addresses(listOf(new Compiler(), calling(reviews(far)))), ['fd00::1 15008']);
});

test('an address that Envoy would refuse is left out, and with it nothing else', t => {
  const told = (tunnel: string): Instance => ({ ...on(B, tunnel), reach: { ...on(B, 'x').reach, tunnel } }) as Instance;
  const bad = ['web.example:15008', '[fe80::1%eth0]:15008', '10.0.0.4:70000', '10.0.0.5', ''].map(told);
  const made = calling(reviews(...bad, on(B, 'reviews'), told('[fd00::2]:15008')));
  t.deepEqual(addresses(listOf(new Compiler(), made)), ['10.0.0.2 15008', 'fd00::2 15008']);
  const without = { ...made, settings: { ...made.settings, ipv6: false } };
  t.deepEqual(addresses(listOf(new Compiler(), without)), ['10.0.0.2 15008']);
});

test('the list stays the same object until other hosts are named', t => {
  const compiler = new Compiler();
  const first = listOf(compiler, calling(reviews(on(B, 'reviews')), ratings()));
  t.is(listOf(compiler, calling(reviews(on(B, 'reviews')), ratings(on(B, 'ratings')))), first);
  t.not(listOf(compiler, calling(reviews(on(B, 'reviews')), ratings(on(C, 'ratings')))), first);
});

test('a host that nothing names any more stays listed for an hour, counted from when it was found so', t => {
  let now = 0;
  const compiler = new Compiler(() => now);
  const hosts = (...instances: readonly Instance[]): string[] =>
    addresses(listOf(compiler, calling(reviews(...instances))));
  const both = ['10.0.0.2 15008', '10.0.0.3 15008'];
  t.deepEqual(hosts(on(B, 'reviews'), on(C, 'reviews')), both);
  now = 600_000;
  t.deepEqual(hosts(on(B, 'reviews')), both);
  now += 3_599_999;
  t.deepEqual(hosts(on(B, 'reviews')), both);
  now += 1;
  t.deepEqual(hosts(on(B, 'reviews')), ['10.0.0.2 15008']);
  t.deepEqual(hosts(on(C, 'reviews')), both);
  now += 30_000;
  t.deepEqual(hosts(on(B, 'reviews'), on(C, 'reviews')), both);
  now += 3_600_000;
  t.deepEqual(hosts(on(B, 'reviews'), on(C, 'reviews')), both);
});
