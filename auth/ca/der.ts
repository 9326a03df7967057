import forge from 'node-forge/lib/asn1.js';

/** A node of an ASN.1 structure. */
export type Node = ReturnType<typeof forge.create>;

const UNIVERSAL = 0x00;
const CONTEXT = 0x80;

/** Tag numbers of ITU-T X.680 that are used here. */
const TAG = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  utf8String: 12,
  sequence: 16,
  set: 17,
  utcTime: 23,
  generalizedTime: 24,
} as const;

function primitive(type: number, bytes: Uint8Array | string): Node {
  const value = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
  return forge.create(UNIVERSAL, type, false, value);
}

export function sequence(...nodes: Node[]): Node {
  return forge.create(UNIVERSAL, TAG.sequence, true, nodes);
}

export function set(...nodes: Node[]): Node {
  return forge.create(UNIVERSAL, TAG.set, true, nodes);
}

export function oid(dotted: string): Node {
  return primitive(TAG.oid, forge.oidToDer(dotted).getBytes());
}

/** A whole number of at most 31 bits. */
export function smallInteger(value: number): Node {
  return primitive(TAG.integer, forge.integerToDer(value).getBytes());
}

/** A positive integer of any length; the first bit must not be set, since that would make it negative. */
export function integer(bytes: Uint8Array): Node {
  return primitive(TAG.integer, bytes);
}

export function boolean(value: boolean): Node {
  return primitive(TAG.boolean, new Uint8Array([value ? 0xff : 0]));
}

export function nothing(): Node {
  return primitive(TAG.null, '');
}

export function octetString(bytes: Uint8Array): Node {
  return primitive(TAG.octetString, bytes);
}

/** @param unused bits of the last byte that do not count. */
export function bitString(bytes: Uint8Array, unused = 0): Node {
  return primitive(TAG.bitString, Buffer.concat([Buffer.from([unused]), bytes]));
}

export function utf8String(text: string): Node {
  return primitive(TAG.utf8String, Buffer.from(text, 'utf8'));
}

/** X.509's time: two digits of the year up to 2049, four from then on (RFC 5280, 4.1.2.5). */
export function time(date: Date): Node {
  return date.getUTCFullYear() < 2050
    ? primitive(TAG.utcTime, forge.dateToUtcTime(date))
    : primitive(TAG.generalizedTime, forge.dateToGeneralizedTime(date));
}

/** `[number] EXPLICIT` or `[number] IMPLICIT` of something constructed. */
export function tagged(number: number, ...nodes: Node[]): Node {
  return forge.create(CONTEXT, number, true, nodes);
}

/** `[number] IMPLICIT` of something primitive. */
export function taggedBytes(number: number, bytes: Uint8Array): Node {
  return forge.create(CONTEXT, number, false, Buffer.from(bytes).toString('latin1'));
}

export function encode(node: Node): Buffer {
  return Buffer.from(forge.toDer(node).getBytes(), 'latin1');
}

/** @throws when the bytes are not one DER value from end to end. */
export function decode(bytes: Uint8Array): Node {
  return forge.fromDer(Buffer.from(bytes).toString('latin1'), true);
}

/** The nodes within a constructed node. @throws when it is another. */
export function children(node: Node | undefined): Node[] {
  if (!node || !Array.isArray(node.value)) throw new Error('expected a constructed ASN.1 value');
  const list = node.tagClass === UNIVERSAL && (node.type === TAG.sequence || node.type === TAG.set);
  if (!list && node.tagClass !== CONTEXT) throw new Error('expected an ASN.1 sequence or set');
  return node.value;
}

/** The content of a primitive node. @throws when it is another. */
export function content(node: Node | undefined): Buffer {
  if (!node || typeof node.value !== 'string') throw new Error('expected a primitive ASN.1 value');
  return Buffer.from(node.value, 'latin1');
}

/** The dotted form of an OID node. @throws when it is another. */
export function oidOf(node: Node | undefined): string {
  if (node?.tagClass !== UNIVERSAL || node.type !== TAG.oid) throw new Error('expected an ASN.1 object identifier');
  return forge.derToOid(content(node).toString('latin1'));
}

/** Whether a node is `[number]` of the context. */
export function isTagged(node: Node, number: number): boolean {
  return node.tagClass === CONTEXT && node.type === number;
}

/** The bytes of a BIT STRING. @throws when it is another, or does not end with a whole byte. */
export function bitsOf(node: Node | undefined): Buffer {
  const bytes = bytesOf(node, TAG.bitString);
  if (bytes[0] !== 0) throw new Error('expected an ASN.1 bit string of whole bytes');
  return bytes.subarray(1);
}

/** The bytes of an OCTET STRING. @throws when it is another. */
export function octetsOf(node: Node | undefined): Buffer {
  return bytesOf(node, TAG.octetString);
}

/** Content by its encoded form: forge may have looked into a string that holds further DER. */
function bytesOf(node: Node | undefined, type: number): Buffer {
  if (node?.tagClass !== UNIVERSAL || node.type !== type) throw new Error(`expected an ASN.1 value of type ${type}`);
  const encoded = encode(node);
  const first = encoded[1]!;
  return encoded.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}
