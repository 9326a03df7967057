import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import { NEWER_FIELDS } from '../../compile/resource.ts';
import type { TypeTable } from './schema.ts';

const FILES = [
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/extensions/transport_sockets/tls/v3/secret.proto',
  'envoy/service/discovery/v3/discovery.proto',
  'envoy/extensions/access_loggers/file/v3/file.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/listener/original_dst/v3/original_dst.proto',
  'envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/filters/network/set_filter_state/v3/set_filter_state.proto',
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/matching/common_inputs/network/v3/network_inputs.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream.proto',
  'envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
];

/**
 * The types that are named and all that these use, read from the `.proto` files that `@grpc/grpc-js-xds` ships: `schema.json` is made of
 * this. Takes about 150 ms.
 * @param names full ones: `envoy.config.listener.v3.Listener`.
 * @throws when a `.proto` file is missing.
 */
export function readProtos(names: readonly string[]): TypeTable {
  const root = new protobuf.Root();
  const folders = protoFolders();
  root.resolvePath = (_origin, file) => {
    const folder = folders.find(candidate => existsSync(join(candidate, file)));
    if (folder === undefined) throw new Error(`Cannot read xDS protos: ${file} is in none of ${folders.join(', ')}`);
    return join(folder, file);
  };
  root.loadSync(FILES, { keepCase: true });
  for (const { message, field, number, type, rule } of NEWER_FIELDS) {
    const owner = root.lookupType(message);
    if (owner.fields[field] === undefined) owner.add(new protobuf.Field(field, number, type, rule));
  }
  const found = new Map<string, protobuf.Type | protobuf.Enum>();
  for (const name of names) collect(root.lookupType(name), found);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, type]) => [name, plain(type)]));
}

function collect(type: protobuf.Type | protobuf.Enum, found: Map<string, protobuf.Type | protobuf.Enum>): void {
  const name = type.fullName.slice(1);
  if (found.has(name)) return;
  found.set(name, type);
  if (!(type instanceof protobuf.Type)) return;
  for (const field of type.fieldsArray) {
    field.resolve();
    if (field.resolvedType) collect(field.resolvedType, found);
  }
}

function plain(type: protobuf.Type | protobuf.Enum): TypeTable[string] {
  if (type instanceof protobuf.Enum) return { values: type.values };
  const fields = type.fieldsArray.map(field => {
    const { id, repeated } = field;
    const used = field.resolvedType?.fullName ?? field.type;
    const map = field instanceof protobuf.MapField ? { keyType: field.keyType } : {};
    return [field.name, { ...(repeated ? { rule: 'repeated' } : {}), ...map, type: used, id }] as const;
  });
  return { fields: Object.fromEntries(fields) };
}

/** `descriptor.proto`, which the annotations import, lies in protobufjs's own folder. */
function protoFolders(): string[] {
  const require = createRequire(import.meta.url);
  const shipped = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
  const own = dirname(require.resolve('protobufjs/package.json'));
  return [...['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map(name => join(shipped, name)), own];
}
