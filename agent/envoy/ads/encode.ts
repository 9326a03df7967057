import protobuf from 'protobufjs';
import { isRecord, show } from '../../../manager/model/util/fields.ts';
import { writeDuration, writeScalar, writeStruct } from './encode-values.ts';

type Writer = protobuf.Writer;
type Values = Readonly<Record<string, unknown>>;

/** A body that does not fit its message type; says which field. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
  readonly code = 'XDS_ENCODE';

  /** @param path of the field: `filter_chains[0].name`. */
  constructor(path: string, message: string) {
    super(`${path || 'body'}: ${message}`);
  }
}

/**
 * Encodes proto-JSON with snake_case names. Unlike protobufjs it refuses fields that the type does not have. An `Any` of a type that is
 * not known here becomes an xds.type.v3.TypedStruct, which Envoy converts to the message that `@type` names. That takes it several times
 * the time and memory: what hosts have many of is in `schema.ts`.
 * @throws {EncodeError} when the value does not fit the type.
 */
export function encode(type: protobuf.Type, value: unknown): Uint8Array {
  const writer = protobuf.Writer.create();
  writeMessage(writer, type, value, '');
  return writer.finish();
}

const TYPED_STRUCT = 'type.googleapis.com/xds.type.v3.TypedStruct';

const WRAPPER = /^\.google\.protobuf\.(Bool|String|UInt32|UInt64|Int32|Int64|Double|Float|Bytes)Value$/;

/** Writes the fields of one message, without a length in front. */
function writeMessage(writer: Writer, type: protobuf.Type, value: unknown, path: string): void {
  const wrapped = WRAPPER.exec(type.fullName)?.[1];
  if (wrapped !== undefined) writeScalarAt(writer, wrapped.toLowerCase(), 1, value, path);
  else if (type.fullName === '.google.protobuf.Any') writeAny(writer, type, value, path);
  else if (type.fullName === '.google.protobuf.Duration') guard(path, () => writeDuration(writer, value));
  else if (type.fullName === '.google.protobuf.Struct') guard(path, () => writeStruct(writer, record(value, path)));
  else writeFields(writer, type, record(value, path), path);
}

function writeFields(writer: Writer, type: protobuf.Type, values: Values, path: string): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null) continue;
    const field: protobuf.FieldBase | undefined = type.fields[name];
    const at = path ? `${path}.${name}` : name;
    if (field === undefined) throw new EncodeError(at, `${type.fullName.slice(1)} has no such field`);
    field.resolve();
    if (field instanceof protobuf.MapField) writeMap(writer, field, record(value, at), at);
    else if (field.repeated) writeList(writer, field, value, at);
    else writeValue(writer, field, field.id, value, at);
  }
}

function writeList(writer: Writer, field: protobuf.FieldBase, value: unknown, path: string): void {
  if (!Array.isArray(value)) throw new EncodeError(path, `must be a list, not ${show(value)}`);
  for (const [index, entry] of value.entries()) writeValue(writer, field, field.id, entry, `${path}[${index}]`);
}

function writeMap(writer: Writer, field: protobuf.MapField, values: Values, path: string): void {
  for (const [key, value] of Object.entries(values)) {
    writer.uint32((field.id << 3) | 2).fork();
    writeScalarAt(writer, field.keyType, 1, key, path);
    writeValue(writer, field, 2, value, `${path}[${key}]`);
    writer.ldelim();
  }
}

function writeValue(writer: Writer, field: protobuf.FieldBase, id: number, value: unknown, path: string): void {
  if (field.resolvedType instanceof protobuf.Type) {
    writer.uint32((id << 3) | 2).fork();
    writeMessage(writer, field.resolvedType, value, path);
    writer.ldelim();
  } else if (field.resolvedType instanceof protobuf.Enum) {
    const number = typeof value === 'number' ? value : field.resolvedType.values[String(value)];
    if (number === undefined) {
      const names = Object.keys(field.resolvedType.values).join(', ');
      throw new EncodeError(path, `must be one of ${names}, not ${show(value)}`);
    }
    writer.uint32(id << 3).int32(number);
  } else writeScalarAt(writer, field.type, id, value, path);
}

/** google.protobuf.Any: holds a message whose type is known as itself, another as an xds.type.v3.TypedStruct. */
function writeAny(writer: Writer, any: protobuf.Type, value: unknown, path: string): void {
  const { '@type': typeUrl, ...fields } = record(value, path);
  if (typeof typeUrl !== 'string') throw new EncodeError(path, 'needs "@type", the type URL of the extension');
  const known = any.root.lookup(typeUrl.slice(typeUrl.lastIndexOf('/') + 1), protobuf.Type) as protobuf.Type | null;
  writer
    .uint32(10)
    .string(known === null ? TYPED_STRUCT : typeUrl)
    .uint32(18)
    .fork();
  if (known === null) {
    writer.uint32(10).string(typeUrl).uint32(18).fork();
    writeStruct(writer, fields);
    writer.ldelim();
  } else writeMessage(writer, known, WRAPPER.test(known.fullName) ? fields['value'] : fields, path);
  writer.ldelim();
}

function writeScalarAt(writer: Writer, type: string, id: number, value: unknown, path: string): void {
  guard(path, () => writeScalar(writer, type, id, value));
}

function record(value: unknown, path: string): Values {
  if (!isRecord(value)) throw new EncodeError(path, `must be a map of fields, not ${show(value)}`);
  return value;
}

function guard(path: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (error instanceof EncodeError) throw error;
    throw new EncodeError(path, (error as Error).message);
  }
}
