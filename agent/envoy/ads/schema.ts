import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { TYPE, type TypeUrl } from '../../compile/resource.ts';

/** The message types of xDS. */
export interface Schema {
  /** Message type of each kind of resource. */
  readonly resources: Readonly<Record<TypeUrl, protobuf.Type>>;
  readonly request: protobuf.Type;
}

/** Messages and enums by full name, in the JSON of protobufjs. */
export type TypeTable = Readonly<
  Record<string, { readonly fields: Readonly<Record<string, protobuf.IField>> } | protobuf.IEnum>
>;

const REQUEST = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
/** Clients need it, such as that of the tests. */
const RESPONSE = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';

const nameOf = (url: TypeUrl): string => url.slice(url.indexOf('/') + 1);

/** Types of `typed_config` that Envoy gets as themselves: those that a host has many of, and those that it takes in no other way. */
const EXTENSIONS = [
  'envoy.config.route.v3.RouteList',
  'envoy.extensions.access_loggers.file.v3.FileAccessLog',
  'envoy.extensions.filters.http.router.v3.Router',
  'envoy.extensions.filters.listener.original_dst.v3.OriginalDst',
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  'envoy.extensions.filters.network.set_filter_state.v3.Config',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  'envoy.extensions.matching.common_inputs.network.v3.FilterStateInput',
  'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
  'envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport',
  'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer',
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
  'google.protobuf.StringValue',
];

/** Full names of the types that `schema.json` holds, with all that they use. Other extensions travel as TypedStruct and need none. */
export const ROOTS: readonly string[] = [...Object.values(TYPE).map(nameOf), REQUEST, RESPONSE, ...EXTENSIONS];

/** What the protos say, made by `schema.test.ts`: reading it takes a tenth of the time and memory that they take. */
export const SCHEMA_FILE: string = join(import.meta.dirname, 'schema.json');

/** Reads the types: once for a process is enough. */
export function loadSchema(): Schema {
  const root = new protobuf.Root();
  // Sorted by name, so that a type comes before those inside it.
  for (const [name, type] of Object.entries(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as TypeTable)) {
    const at = name.lastIndexOf('.');
    const own = name.slice(at + 1);
    const made = 'fields' in type ? protobuf.Type.fromJSON(own, type) : protobuf.Enum.fromJSON(own, type);
    root.define(name.slice(0, at)).add(made);
  }
  const byUrl = Object.values(TYPE).map(url => [url, root.lookupType(nameOf(url))] as const);
  return {
    resources: Object.fromEntries(byUrl) as Record<TypeUrl, protobuf.Type>,
    request: root.lookupType(REQUEST),
  };
}
