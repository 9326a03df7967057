import protobuf from 'protobufjs';
import { isRecord, show } from '../../../manager/model/util/fields.ts';
import { writeDuration, writeScalar, writeStruct } from './encode-values.ts';

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
 *
 * Messages in maps are remembered by their objects, which must not change: of a route table with thousands of services only those are
 * encoded anew that are other objects than the last time.
 */
export class Encoder {
  readonly #known: Known = new WeakMap();

  /** @throws {EncodeError} when the value does not fit the type. */
  encode(type: protobuf.Type, value: unknown): Uint8Array {
    return encodeMessage(type, value, '', this.#known);
  }
}

type Known = WeakMap<object, { readonly type: protobuf.Type; readonly bytes: Uint8Array }>;

/** Where it is written to, and what is known already. */
interface Out {
  readonly writer: protobuf.Writer;
  readonly known: Known;
}

function encodeMessage(type: protobuf.Type, value: unknown, path: string, known: Known): Uint8Array {
  const writer = protobuf.Writer.create();
  writeMessage({ writer, known }, type, value, path);
  return writer.finish();
}

const TYPED_STRUCT = 'type.googleapis.com/xds.type.v3.TypedStruct';

const WRAPPER = /^\.google\.protobuf\.(Bool|String|UInt32|UInt64|Int32|Int64|Double|Float|Bytes)Value$/;

/** What the JSON of some messages is not a map of their fields for. By its last part alone: protobufjs puts a full name together each time. */
const SPECIAL = /^(Any|Duration|Struct|.+Value)$/;

function isPlain(type: protobuf.Type): boolean {
  return !SPECIAL.test(type.name) || !type.fullName.startsWith('.google.protobuf.');
}

/** Writes the fields of one message, without a length in front. */
function writeMessage(out: Out, type: protobuf.Type, value: unknown, path: string): void {
  if (isPlain(type)) {
    writeFields(out, type, record(value, path), path);
    return;
  }
  const { writer } = out;
  const wrapped = WRAPPER.exec(type.fullName)?.[1];
  if (wrapped !== undefined) writeScalarAt(writer, wrapped.toLowerCase(), 1, value, path);
  else if (type.name === 'Any') writeAny(out, type, value, path);
  else if (type.name === 'Duration') guard(path, () => writeDuration(writer, value));
  else if (type.name === 'Struct') guard(path, () => writeStruct(writer, record(value, path)));
  else writeFields(out, type, record(value, path), path);
}

function writeFields(out: Out, type: protobuf.Type, values: Values, path: string): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null) continue;
    const field: protobuf.FieldBase | undefined = type.fields[name];
    const at = path ? `${path}.${name}` : name;
    if (field === undefined) throw new EncodeError(at, `${type.fullName.slice(1)} has no such field`);
    field.resolve();
    if (field instanceof protobuf.MapField) writeMap(out, field, record(value, at), at);
    else if (field.repeated) writeList(out, field, value, at);
    else writeValue(out, field, field.id, value, at);
  }
}

function writeList(out: Out, field: protobuf.FieldBase, value: unknown, path: string): void {
  if (!Array.isArray(value)) throw new EncodeError(path, `must be a list, not ${show(value)}`);
  for (const [index, entry] of value.entries()) writeValue(out, field, field.id, entry, `${path}[${index}]`);
}

function writeMap(out: Out, field: protobuf.MapField, values: Values, path: string): void {
  const { writer, known } = out;
  const { resolvedType: type } = field;
  for (const [key, value] of Object.entries(values)) {
    const at = `${path}[${key}]`;
    writer.uint32((field.id << 3) | 2).fork();
    writeScalarAt(writer, field.keyType, 1, key, path);
    if (type instanceof protobuf.Type && isPlain(type) && isRecord(value))
      writer.uint32((2 << 3) | 2).bytes(remembered(type, value, at, known));
    else writeValue(out, field, 2, value, at);
    writer.ldelim();
  }
}

function remembered(type: protobuf.Type, value: Values, path: string, known: Known): Uint8Array {
  const before = known.get(value);
  if (before?.type === type) return before.bytes;
  const bytes = encodeMessage(type, value, path, known);
  known.set(value, { type, bytes });
  return bytes;
}

function writeValue(out: Out, field: protobuf.FieldBase, id: number, value: unknown, path: string): void {
  const { writer } = out;
  if (field.resolvedType instanceof protobuf.Type) {
    writer.uint32((id << 3) | 2).fork();
    writeMessage(out, field.resolvedType, value, path);
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
function writeAny(out: Out, any: protobuf.Type, value: unknown, path: string): void {
  const { writer } = out;
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
  } else writeMessage(out, known, WRAPPER.test(known.fullName) ? fields['value'] : fields, path);
  writer.ldelim();
}

function writeScalarAt(writer: protobuf.Writer, type: string, id: number, value: unknown, path: string): void {
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
