import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import { NEWER_FIELDS, TYPE, type TypeUrl } from '../../compile/resource.ts';

/** The message types of xDS, read from the `.proto` files that `@grpc/grpc-js-xds` ships. */
export interface Schema {
  /** Message type of each kind of resource. */
  readonly resources: Readonly<Record<TypeUrl, protobuf.Type>>;
  readonly request: protobuf.Type;
}

const FILES = [
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/extensions/transport_sockets/tls/v3/secret.proto',
  'envoy/service/discovery/v3/discovery.proto',
];

/**
 * Reads the protos: about 150 ms and 20 MB, so do it once. Only the core resources are read; extensions travel as TypedStruct.
 * @throws when a `.proto` file is missing.
 */
export function loadSchema(): Schema {
  const root = new protobuf.Root();
  const folders = protoFolders();
  root.resolvePath = (_origin, file) => {
    const folder = folders.find(candidate => existsSync(join(candidate, file)));
    if (folder === undefined) throw new Error(`Cannot read xDS protos: ${file} is in none of ${folders.join(', ')}`);
    return join(folder, file);
  };
  root.loadSync(FILES, { keepCase: true });
  for (const { message, field, number, type } of NEWER_FIELDS) {
    const owner = root.lookupType(message);
    if (owner.fields[field] === undefined) owner.add(new protobuf.Field(field, number, type));
  }
  const byUrl = Object.values(TYPE).map(url => [url, root.lookupType(url.slice(url.indexOf('/') + 1))] as const);
  return {
    resources: Object.fromEntries(byUrl) as Record<TypeUrl, protobuf.Type>,
    request: root.lookupType('envoy.service.discovery.v3.DeltaDiscoveryRequest'),
  };
}

/** `descriptor.proto`, which the annotations import, lies in protobufjs's own folder. */
function protoFolders(): string[] {
  const require = createRequire(import.meta.url);
  const shipped = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
  const own = dirname(require.resolve('protobufjs/package.json'));
  return [...['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map(name => join(shipped, name)), own];
}
