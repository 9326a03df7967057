import test from 'ava';
import protobuf from 'protobufjs';
import { Compiler } from '../../compile/compile.ts';
import { host, input, port, service, workload } from '../../compile/fixtures.ts';
import { TYPE } from '../../compile/resource.ts';
import { EncodeError, Encoder } from './encode.ts';
import { loadSchema, ROOTS } from './schema.ts';

const { resources, request } = loadSchema();
const message = (name: string): protobuf.Type => resources[TYPE.cluster].root.lookupType(name);

const encode = (type: protobuf.Type, value: unknown): Uint8Array => new Encoder().encode(type, value);

/** What protobufjs, which others test, reads back. */
function readBack(type: protobuf.Type, value: unknown): unknown {
  return type.toObject(type.decode(encode(type, value)), { longs: Number, enums: String, bytes: String });
}

const CASES: readonly (readonly [name: string, type: string, value: unknown, wanted?: unknown])[] = [
  [
    'text, enum and duration',
    'envoy.config.cluster.v3.Cluster',
    { name: 'a', type: 'EDS', connect_timeout: '1.25s' },
    { name: 'a', type: 'EDS', connect_timeout: { seconds: 1, nanos: 250_000_000 } },
  ],
  ['a negative duration', 'google.protobuf.Duration', '-0.5s', { seconds: 0, nanos: -500_000_000 }],
  [
    'a wrapper holds a bare value',
    'envoy.config.cluster.v3.CircuitBreakers.Thresholds',
    { max_connections: 7 },
    { max_connections: { value: 7 } },
  ],
  [
    'a wrapper of nothing much',
    'envoy.config.cluster.v3.CircuitBreakers.Thresholds',
    { max_retries: 0 },
    { max_retries: { value: 0 } },
  ],
  [
    'lists of messages and an enum by number',
    'envoy.config.core.v3.SocketOption',
    { level: '6', name: 3, int_value: -1, state: 1 },
    { level: 6, name: 3, int_value: -1, state: 'STATE_BOUND' },
  ],
  [
    'bytes',
    'envoy.config.core.v3.DataSource',
    { inline_bytes: Buffer.from('pem').toString('base64') },
    { inline_bytes: Buffer.from('pem').toString('base64') },
  ],
  [
    'a field newer than the protos at hand',
    'envoy.config.core.v3.SocketAddress',
    { address: '::1', network_namespace_filepath: '/run/netns/x' },
  ],
  ['null is absent', 'envoy.config.route.v3.RouteConfiguration', { name: 'r', virtual_hosts: null }, { name: 'r' }],
];

for (const [name, type, value, wanted = value] of CASES)
  test(`encodes ${name}`, t => t.deepEqual(readBack(message(type), value), wanted));

test('encodes a map, a Struct within it, and every kind of value', t => {
  const isthmus = { text: 'a', number: 1.5, yes: true, nothing: null, list: [1, { a: 'b' }] };
  const read = readBack(message('envoy.config.core.v3.Metadata'), { filter_metadata: { isthmus } });
  const fields = {
    text: { stringValue: 'a' },
    number: { numberValue: 1.5 },
    yes: { boolValue: true },
    nothing: { nullValue: 'NULL_VALUE' },
    list: { listValue: { values: [{ numberValue: 1 }, { structValue: { fields: { a: { stringValue: 'b' } } } }] } },
  };
  t.deepEqual(read, { filter_metadata: { isthmus: { fields } } });
});

test('of a table only the entries are encoded anew that are other objects, and what comes out is the same as without memory', t => {
  const encoded: string[] = [];
  const entry = (name: string): object => ({
    get action() {
      encoded.push(name);
      return { name, typed_config: { '@type': 'type.googleapis.com/x.Y', n: 1 } };
    },
  });
  const table = (map: Readonly<Record<string, object>>): unknown => ({
    matcher_tree: { input: { name: 'in' }, exact_match_map: { map } },
  });
  const type = message('xds.type.matcher.v3.Matcher');
  const encoder = new Encoder();
  const [a, b, c] = ['a', 'b', 'c'].map(entry);
  encoder.encode(type, table({ 1: a!, 2: b!, 3: a! }));
  t.deepEqual(encoded, ['a', 'b']);
  const changed = table({ 1: a!, 2: c!, 3: a! });
  const bytes = encoder.encode(type, changed);
  t.deepEqual(encoded, ['a', 'b', 'c']);
  t.deepEqual(bytes, encode(type, changed));
});

test('an extension travels as a TypedStruct with the URL and the JSON of its own type', t => {
  const config = { '@type': 'type.googleapis.com/some.new.Thing', answer: 42, inner: { '@type': 'x/y', a: 'b' } };
  const socket = { name: 'tls', typed_config: config };
  const any = readBack(message('envoy.config.core.v3.TransportSocket'), socket) as {
    readonly typed_config: { readonly type_url: string; readonly value: string };
  };
  t.is(any.typed_config.type_url, 'type.googleapis.com/xds.type.v3.TypedStruct');
  const typedStruct = new protobuf.Type('TypedStruct')
    .add(new protobuf.Field('type_url', 1, 'string'))
    .add(new protobuf.Field('value', 2, 'google.protobuf.Struct'));
  resources[TYPE.cluster].root.add(typedStruct);
  t.deepEqual(typedStruct.toObject(typedStruct.decode(Buffer.from(any.typed_config.value, 'base64'))), {
    type_url: 'type.googleapis.com/some.new.Thing',
    value: {
      fields: {
        answer: { numberValue: 42 },
        inner: { structValue: { fields: { '@type': { stringValue: 'x/y' }, a: { stringValue: 'b' } } } },
      },
    },
  });
});

test('an extension whose type is known travels as itself, and so does what it holds', t => {
  const socket = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport',
    transport_socket: {
      name: 'plaintext',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' },
    },
  };
  const any = (type: string, value: object): unknown => ({
    type_url: `type.googleapis.com/${type}`,
    value: Buffer.from(encode(message(type), value)).toString('base64'),
  });
  const { '@type': url, ...fields } = socket;
  t.deepEqual(readBack(message('envoy.config.core.v3.TransportSocket'), { typed_config: socket }), {
    typed_config: any(url.slice(url.indexOf('/') + 1), fields),
  });
  const inner = readBack(message('envoy.config.core.v3.TransportSocket'), fields.transport_socket);
  t.deepEqual(inner, {
    name: 'plaintext',
    typed_config: any('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}),
  });
});

test('an extension that is a bare value', t => {
  const action = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'allow' };
  const read = readBack(message('envoy.config.core.v3.TypedExtensionConfig'), { name: 'chain', typed_config: action });
  const value = Buffer.from('\n\x05allow').toString('base64');
  t.deepEqual(read, { name: 'chain', typed_config: { type_url: action['@type'], value } });
});

/** What each host has one of, with types that the protos at hand lack. */
const RARE = [
  'envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost',
  'envoy.extensions.load_balancing_policies.random.v3.Random',
  'envoy.extensions.load_balancing_policies.subset.v3.Subset',
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  'envoy.extensions.transport_sockets.tls.cert_selectors.on_demand_secret.v3.Config',
  'envoy.extensions.transport_sockets.tls.cert_mappers.filter_state_override.v3.Config',
];

test('all that hosts have many of is known by its type', t => {
  const on = host('alpha', '10.0.0.1');
  const called = workload(on, 'reviews', [port(9080), port(5432, 'tcp')]);
  const services = [
    service('reviews', 1, [port(9080), port(5432, 'tcp')]),
    service('ratings', 2, [port(9080, 'grpc')]),
  ];
  const { resources: made } = new Compiler().compile(input(on, [called], services));
  for (const { typeUrl, body } of made) t.true(encode(resources[typeUrl], body).length > 0);
  const used = [...JSON.stringify(made).matchAll(/"@type":"type\.googleapis\.com\/([^"]+)"/g)].map(([, name]) => name!);
  const unknown = new Set(used).difference(new Set(ROOTS));
  t.deepEqual([...unknown].filter(name => name !== 'envoy.config.route.v3.Route').sort(), [...RARE].sort());
});

const WRONG: readonly (readonly [type: string, value: unknown, message: RegExp])[] = [
  ['envoy.config.cluster.v3.Cluster', { nam: 'a' }, /^nam: envoy\.config\.cluster\.v3\.Cluster has no such field$/],
  ['envoy.config.cluster.v3.Cluster', { type: 'EDSS' }, /^type: must be one of STATIC, .*, not "EDSS"$/],
  [
    'envoy.config.cluster.v3.Cluster',
    { connect_timeout: '5' },
    /^connect_timeout: must be a duration such as "1\.5s", not "5"$/,
  ],
  ['envoy.config.cluster.v3.Cluster', { name: 7 }, /^name: must be a text, not 7$/],
  [
    'envoy.config.cluster.v3.Cluster',
    { transport_socket: { name: 'a', typed_config: {} } },
    /^transport_socket\.typed_config: needs "@type"/,
  ],
  ['envoy.config.route.v3.RouteConfiguration', { virtual_hosts: {} }, /^virtual_hosts: must be a list, not \{\}$/],
  [
    'envoy.config.route.v3.RouteConfiguration',
    { virtual_hosts: [{ routes: [{ match: { prefx: '/' } }] }] },
    /^virtual_hosts\[0\]\.routes\[0\]\.match\.prefx: envoy\.config\.route\.v3\.RouteMatch has no such field$/,
  ],
  ['envoy.config.core.v3.SocketAddress', { port_value: -1 }, /^port_value: must be a whole number \(uint32\), not -1$/],
];

for (const [type, value, wanted] of WRONG)
  test(`refuses ${JSON.stringify(value)}`, t => {
    const error = t.throws(() => encode(message(type), value), { instanceOf: EncodeError });
    t.regex(error.message, wanted);
  });

test('the request type is that of the delta protocol', t => {
  t.true('resource_names_subscribe' in request.fields);
});
