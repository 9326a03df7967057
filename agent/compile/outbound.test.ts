import test from 'ava';
import { host, port, service, workload } from './fixtures.ts';
import { calledPorts, outboundListener } from './outbound.ts';

const A = host('a', '10.0.0.1');
const { view: http } = service('h', 1, [port(80), port(8080, 'grpc')]);
const { view: tcp } = service('t', 2, [port(5432, 'tcp'), port(53, 'udp')]);
const { view: mixed } = service('m', 3, [port(80, 'tls')]);

interface Chain {
  readonly name: string;
  readonly filter_chain_match: { readonly destination_port: number; readonly prefix_ranges?: unknown };
}

function listener(
  local = workload(A, 'web').local,
  ipv6 = true,
  transparent = true,
): { readonly [field: string]: unknown; readonly filter_chains: Chain[] } {
  const ports = calledPorts([http, tcp, mixed]);
  const places = { namespaceOutboundPort: 15_001, namespaces: '/links', admittedLog: '/dev/null' };
  const settings = { ...places, ipv6, transparent };
  return outboundListener(local, 'spiffe://isthmus.mesh/ns/default/sa/web', 20_001, ports, settings).body as never;
}

test('only a listener on the host is for calls to addresses that are not its own, where that can be had', t => {
  const { local } = workload(A, 'web');
  const selector = { kind: 'namespace', path: '/run/netns/web', id: '4-1' } as const;
  t.is(listener(local)['transparent'], true);
  t.is(listener({ ...local, selector })['transparent'], undefined);
  t.is(listener(local, true, false)['transparent'], undefined);
});

test('one chain a port; addresses only where HTTP and others share a port number', t => {
  t.deepEqual(
    listener().filter_chains.map(({ name, filter_chain_match: { destination_port, ...rest } }) => [
      name,
      destination_port,
      rest,
    ]),
    [
      ['http:80', 80, {}],
      ['http:8080', 8080, {}],
      [
        'tcp:80',
        80,
        {
          prefix_ranges: [
            { address_prefix: '240.240.0.3', prefix_len: 32 },
            { address_prefix: 'fdca::3', prefix_len: 128 },
          ],
        },
      ],
      ['tcp:5432', 5432, {}],
    ],
  );
});

test('another service on known ports changes no listener', t => {
  t.is(calledPorts([http, tcp]).key, calledPorts([http, tcp, service('x', 9, [port(80), port(5432, 'tcp')]).view]).key);
});

test('it listens on the host, or inside the namespace of the workload', t => {
  const made = listener(undefined, false);
  t.deepEqual(made['address'], { socket_address: { address: '0.0.0.0', port_value: 20_001 } });
  t.is(made['socket_options'], undefined, 'an Envoy that takes over could not set them again');
  t.is(made['additional_addresses'], undefined);
  const inside = workload(A, 'web', [], { selector: { kind: 'namespace', path: '/run/netns/x', id: '4-1' } }).local;
  const place = { port_value: 15_001, network_namespace_filepath: '/links/4-1' };
  t.deepEqual(listener(inside)['address'], { socket_address: { address: '0.0.0.0', ...place } });
  t.like(listener(inside)['additional_addresses'], {
    0: { address: { socket_address: { address: '::', ...place } } },
  });
});

test('the identity of the workload, and no other, is stamped on every connection', t => {
  for (const chain of listener().filter_chains as unknown as {
    filters: { typed_config: { on_new_connection: Record<string, unknown>[] } }[];
  }[]) {
    const who = chain.filters[0]!.typed_config.on_new_connection.slice(0, 1);
    t.deepEqual(
      who.map(each => each['object_key']),
      ['envoy.tls.certificate_mappers.on_demand_secret'],
    );
    for (const each of who)
      t.like(each, {
        factory_key: 'envoy.hashable_string',
        shared_with_upstream: 'TRANSITIVE',
        format_string: { text_format_source: { inline_string: 'spiffe://isthmus.mesh/ns/default/sa/web' } },
      });
  }
});

test('a service without addresses has no chain: for TCP it would take the place of HTTP on its port number', t => {
  const { service: known } = tcp;
  const without = { ...mixed, service: { ...mixed.service, virtualIps: [] } };
  t.is(calledPorts([http, without]).key, calledPorts([http]).key);
  t.is(calledPorts([{ ...tcp, service: { ...known, virtualIps: [] } }]).key, calledPorts([]).key);
});
