import type protobuf from 'protobufjs';
import { isRecord, show } from '../../../manager/model/util/fields.ts';

type Writer = protobuf.Writer;

/** Wire types of protobuf's encoding. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const INTEGERS = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 53), 2 ** 53],
  uint64: [0, 2 ** 53],
} as const satisfies Record<string, readonly [number, number]>;

/**
 * Writes tag and value of one scalar given in proto-JSON: 64-bit integers may be texts, bytes are base64 or a Uint8Array.
 * @throws {TypeError} when the value does not fit.
 */
export function writeScalar(writer: Writer, type: string, id: number, value: unknown): void {
  const tag = (wire: number): Writer => writer.uint32(((id << 3) | wire) >>> 0);
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw misfit('a text', value);
      tag(BYTES).string(value);
      return;
    case 'bool':
      if (typeof value !== 'boolean') throw misfit('true or false', value);
      tag(VARINT).bool(value);
      return;
    case 'double':
      tag(FIXED64).double(real(value));
      return;
    case 'float':
      tag(FIXED32).float(real(value));
      return;
    case 'bytes':
      tag(BYTES).bytes(bytes(value));
      return;
    case 'int32':
    case 'uint32':
    case 'int64':
    case 'uint64':
      tag(VARINT)[type](integer(type, value));
      return;
    default:
      throw new TypeError(`fields of type ${type} are not supported`);
  }
}

/** The fields of a google.protobuf.Duration from a text such as `1.5s`. @throws {TypeError} */
export function writeDuration(writer: Writer, value: unknown): void {
  const [, sign, seconds, fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(String(value)) ?? [];
  if (typeof value !== 'string' || seconds === undefined) throw misfit('a duration such as "1.5s"', value);
  const factor = sign ? -1 : 1;
  writer.uint32(8).int64(factor * Number(seconds));
  writer.uint32(16).int32(factor * Number(fraction.padEnd(9, '0')));
}

/** The fields of a google.protobuf.Struct: its entries. */
export function writeStruct(writer: Writer, values: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    writer.uint32(10).fork().uint32(10).string(key).uint32(18).fork();
    writeStructValue(writer, value);
    writer.ldelim().ldelim();
  }
}

function writeStructValue(writer: Writer, value: unknown): void {
  if (value === null) writer.uint32(8).int32(0);
  else if (typeof value === 'number') writer.uint32(17).double(value);
  else if (typeof value === 'string') writer.uint32(26).string(value);
  else if (typeof value === 'boolean') writer.uint32(32).bool(value);
  else if (isRecord(value)) {
    writer.uint32(42).fork();
    writeStruct(writer, value);
    writer.ldelim();
  } else if (Array.isArray(value)) {
    writer.uint32(50).fork();
    for (const entry of value) {
      writer.uint32(10).fork();
      writeStructValue(writer, entry);
      writer.ldelim();
    }
    writer.ldelim();
  } else throw misfit('a value of JSON', value);
}

function integer(type: keyof typeof INTEGERS, value: unknown): number {
  const [minimum, maximum] = INTEGERS[type];
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= minimum && number <= maximum) return number;
  throw misfit(`a whole number (${type})`, value);
}

function real(value: unknown): number {
  if (typeof value === 'number') return value;
  throw misfit('a number', value);
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value, 'base64');
  throw misfit('bytes in base64', value);
}

function misfit(wanted: string, value: unknown): TypeError {
  return new TypeError(`must be ${wanted}, not ${show(value)}`);
}
