import { createHash } from 'node:crypto';

/** Type URLs of the resources that Envoy subscribes to. */
export const TYPE = {
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  routes: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const;

/** Type URL of a resource that Envoy subscribes to. */
export type TypeUrl = (typeof TYPE)[keyof typeof TYPE];

/**
 * Fields used here that Envoy 1.40 has (numbers from its own descriptors) and the protos shipped with `@grpc/grpc-js-xds` do not:
 * whoever encodes a body adds them to the message types.
 */
export const NEWER_FIELDS: readonly {
  readonly message: string;
  readonly field: string;
  readonly number: number;
  /** `string`, or the full name of a message. */
  readonly type: string;
  readonly rule?: 'repeated';
}[] = [
  { message: 'envoy.config.core.v3.SocketAddress', field: 'network_namespace_filepath', number: 7, type: 'string' },
  {
    message: 'envoy.config.route.v3.DirectResponseAction',
    field: 'body_format',
    number: 3,
    type: 'envoy.config.core.v3.SubstitutionFormatString',
  },
  {
    message: 'envoy.extensions.filters.network.set_filter_state.v3.Config',
    field: 'on_downstream_tls_handshake',
    number: 2,
    type: 'envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue',
    rule: 'repeated',
  },
];

/** A value of proto-JSON. */
export type Json = string | number | boolean | null | readonly Json[] | JsonMap;
/** A message in proto-JSON with snake_case field names; durations are texts such as `1.5s`. */
export interface JsonMap {
  readonly [field: string]: Json;
}

/** An extension's config: an `Any` in proto-JSON, fields beside `@type`. Its type may be newer than the protos at hand. */
export interface TypedConfig extends JsonMap {
  readonly '@type': string;
}

/** What one config object or service adds to a resource that is made for many. */
export interface Part {
  /** See {@link digest}; equal content, also of an object that was made anew, or before a restart, is the same part. */
  readonly content: string;
  readonly origins: readonly string[];
}

/** One xDS resource. The same object stays the same as long as its content does. */
export interface Resource {
  readonly typeUrl: TypeUrl;
  /** Unique within its type. */
  readonly name: string;
  /** A hash over the body: equal content has an equal version, also after a restart. */
  readonly version: string;
  /** The message that `typeUrl` names. Each `typed_config` in it is a {@link TypedConfig}. */
  readonly body: JsonMap;
  /** What it was made from, for people: `VirtualService default/reviews`, `service reviews.default.mesh`, `workload a/default/web`. */
  readonly origins: readonly string[];
  /** Which of the origins made what, where that can be told apart. */
  readonly parts?: readonly Part[];
}

/** Makes a resource; the version is taken from the body. */
export function resource(typeUrl: TypeUrl, name: string, body: JsonMap, origins: readonly string[]): Resource {
  return { typeUrl, name, version: digest(body), body, origins };
}

/** A hash over a value of proto-JSON. */
export function digest(value: Json): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 22);
}
