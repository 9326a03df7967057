import type { ServiceDefinition, UntypedHandleCall } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { STARTED } from '../bootstrap.ts';

/** One request of the delta protocol: subscriptions, and the answer to an earlier response. */
export interface DeltaRequest {
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Version of each resource that the client kept from an earlier stream. */
  readonly initialVersions: Readonly<Record<string, string>>;
  /** Of the response that this answers; empty when it answers none. */
  readonly nonce: string;
  /** Why that response was refused; undefined when it was accepted. */
  readonly error?: string;
  /** Envoy's node id; only in the first request of a stream. */
  readonly node?: string;
  /** When it was started, see `startedNode()`; only in the first request of a stream. */
  readonly startedMs?: number;
}

/** One response of the delta protocol. */
export interface DeltaResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly EncodedResource[];
  readonly removed: readonly string[];
}

/** A resource as it goes over the wire. */
export interface EncodedResource {
  readonly name: string;
  readonly version: string;
  /** The encoded message. */
  readonly body: Uint8Array;
}

/** envoy.service.discovery.v3.AggregatedDiscoveryService, of which only the delta variant is served. */
export function adsService(
  request: protobuf.Type,
): ServiceDefinition<{ readonly DeltaAggregatedResources: UntypedHandleCall }> {
  return {
    DeltaAggregatedResources: {
      path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      requestStream: true,
      responseStream: true,
      requestSerialize: refuse,
      requestDeserialize: (bytes: Buffer) => decodeRequest(request, bytes),
      responseSerialize: (response: DeltaResponse) => Buffer.from(encodeResponse(response)),
      responseDeserialize: refuse,
    },
  };
}

function refuse(): never {
  throw new Error('this is the server side');
}

interface WireRequest {
  readonly type_url: string;
  readonly resource_names_subscribe: readonly string[];
  readonly resource_names_unsubscribe: readonly string[];
  readonly initial_resource_versions: Readonly<Record<string, string>>;
  readonly response_nonce: string;
  readonly error_detail?: { readonly code: number; readonly message: string } | null;
  readonly node?: WireNode | null;
}

interface WireNode {
  readonly id: string;
  readonly metadata?: { readonly fields: Readonly<Record<string, { readonly stringValue?: string }>> } | null;
}

function decodeRequest(type: protobuf.Type, bytes: Uint8Array): DeltaRequest {
  const message = type.decode(bytes) as unknown as WireRequest;
  return {
    typeUrl: message.type_url,
    subscribe: message.resource_names_subscribe,
    unsubscribe: message.resource_names_unsubscribe,
    initialVersions: message.initial_resource_versions,
    nonce: message.response_nonce,
    ...(message.error_detail ? { error: message.error_detail.message || `code ${message.error_detail.code}` } : {}),
    ...(message.node ? nodeOf(message.node) : {}),
  };
}

function nodeOf({ id, metadata }: WireNode): Pick<DeltaRequest, 'node' | 'startedMs'> {
  const startedMs = Number(metadata?.fields[STARTED]?.stringValue);
  return { node: id, ...(Number.isFinite(startedMs) ? { startedMs } : {}) };
}

/** Field numbers of DeltaDiscoveryResponse and its Resource, in envoy/service/discovery/v3/discovery.proto. */
function encodeResponse(response: DeltaResponse): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { name, version, body } of response.resources) {
    writer.uint32(18).fork().uint32(10).string(version);
    writer.uint32(18).fork().uint32(10).string(response.typeUrl).uint32(18).bytes(body).ldelim();
    writer.uint32(26).string(name).ldelim();
  }
  writer.uint32(34).string(response.typeUrl).uint32(42).string(response.nonce);
  for (const name of response.removed) writer.uint32(50).string(name);
  return writer.finish();
}
