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

/** Full names of the types that `schema.json` holds, with all that they use. Extensions travel as TypedStruct and need none. */
export const ROOTS: readonly string[] = [...Object.values(TYPE).map(nameOf), REQUEST, RESPONSE];

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
