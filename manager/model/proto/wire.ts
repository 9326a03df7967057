import { join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import type { InstanceList, MeshSettings, ServiceName, ServiceView, WorkloadPolicy } from '../host-view.ts';
import type { Plain } from './convert.ts';
import * as convert from './convert.ts';
import type { HostReportMessage, ReportedWorkload } from './messages.ts';

/** What travels by subscription, by the name of its type. */
export interface Resources {
  readonly MeshSettings: MeshSettings;
  readonly ServiceName: ServiceName;
  readonly ServiceView: ServiceView;
  readonly InstanceList: InstanceList;
  readonly WorkloadPolicy: WorkloadPolicy;
}

export type ResourceType = keyof Resources;

export const RESOURCE_TYPES: readonly ResourceType[] = [
  'MeshSettings',
  'ServiceName',
  'ServiceView',
  'InstanceList',
  'WorkloadPolicy',
];

/** The one name of a resource of type MeshSettings. */
export const MESH_SETTINGS_NAME = 'mesh';

interface Converter<T> {
  toWire(value: T): Plain;
  fromWire(plain: Plain): T;
}

const CONVERTERS: { readonly [T in ResourceType]: Converter<Resources[T]> } = {
  MeshSettings: convert.meshSettings,
  ServiceName: convert.serviceName,
  ServiceView: convert.serviceView,
  InstanceList: convert.instanceList,
  WorkloadPolicy: convert.workloadPolicy,
};

const PACKAGE = 'isthmus.v1';
/** Longs as numbers: all of ours are counts and times below 2^53. */
const TO_OBJECT = { defaults: true, longs: Number } as const;

/** The protocol between agents and the Manager: bytes of its resources, and the service for `@grpc/grpc-js`. */
export interface Wire {
  /** Equal content gives equal bytes. */
  encode<T extends ResourceType>(type: T, value: Resources[T]): Uint8Array;
  /** @throws when the bytes are not of that type. */
  decode<T extends ResourceType>(type: T, bytes: Uint8Array): Resources[T];
  /** Messages are those of `messages.ts`. */
  readonly service: ServiceDefinition;
}

/** Reads `isthmus.proto`: about 10 ms; once per process is enough. */
export function loadWire(): Wire {
  const root = protobuf.loadSync(join(import.meta.dirname, 'isthmus.proto'));
  const typeOf = (name: string): protobuf.Type => root.lookupType(`${PACKAGE}.${name}`);
  const types = Object.fromEntries(RESOURCE_TYPES.map(name => [name, typeOf(name)])) as Record<
    ResourceType,
    protobuf.Type
  >;
  return {
    encode: (type, value) => types[type].encode(CONVERTERS[type].toWire(value)).finish(),
    decode: (type, bytes) => CONVERTERS[type].fromWire(types[type].toObject(types[type].decode(bytes), TO_OBJECT)),
    service: serviceDefinition(root.lookupService(`${PACKAGE}.Manager`), typeOf),
  };
}

function serviceDefinition(service: protobuf.Service, typeOf: (name: string) => protobuf.Type): ServiceDefinition {
  const methods = service.methodsArray.map(method => {
    const request = codec(typeOf(method.requestType));
    const response = codec(typeOf(method.responseType));
    return [
      method.name,
      {
        path: `/${PACKAGE}.${service.name}/${method.name}`,
        originalName: method.name,
        requestStream: method.requestStream ?? false,
        responseStream: method.responseStream ?? false,
        requestSerialize: request.serialize,
        requestDeserialize: request.deserialize,
        responseSerialize: response.serialize,
        responseDeserialize: response.deserialize,
      },
    ] as const;
  });
  return Object.fromEntries(methods);
}

function codec(type: protobuf.Type): { serialize: (value: Plain) => Buffer; deserialize: (bytes: Buffer) => Plain } {
  const special = type.name === 'HostReport' ? REPORT : undefined;
  return {
    serialize: value => Buffer.from(type.encode(special ? special.toWire(value as HostReportMessage) : value).finish()),
    deserialize: bytes => {
      const plain = type.toObject(type.decode(bytes), TO_OBJECT);
      return special ? special.fromWire(plain) : plain;
    },
  };
}

/** The one message whose absent parts mean something. */
const REPORT = {
  toWire: ({ sequence, host, workloads, status }: HostReportMessage): Plain => ({
    sequence,
    ...(host && { host }),
    ...(workloads && { workloads: { workloads: workloads.map(convert.workload.toWire) } }),
    ...(status && { status }),
  }),
  fromWire: ({ sequence, host, workloads, status }: Plain): HostReportMessage => ({
    sequence,
    ...(host && { host: convert.host.fromWire(host) }),
    ...(workloads && { workloads: workloads.workloads.map(convert.workload.fromWire) as ReportedWorkload[] }),
    ...(status && { status }),
  }),
};
