import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import * as der from './der.ts';
import { OID } from './oids.ts';

/** What a certificate is to say. */
export interface CertificateContent {
  /** DER of the subject's X.509 Name. */
  readonly subject: Uint8Array;
  readonly publicKey: KeyObject;
  /** Key identifier; made of the key when absent. */
  readonly keyId?: Uint8Array;
  /** URIs of the subject alternative name. */
  readonly uris: readonly string[];
  /** DNS names and IP addresses of the subject alternative name. */
  readonly hosts?: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** May sign certificates; otherwise it serves clients and servers of TLS. */
  readonly authority: boolean;
}

/** Who signs. */
export interface Signer {
  readonly key: KeyObject;
  /** DER of the X.509 Name that stands as the issuer. */
  readonly name: Uint8Array;
  /** Key identifier of the signing certificate. */
  readonly keyId: Uint8Array;
}

const ORGANIZATION = 'Isthmus';

/** DER of the X.509 Name `O=Isthmus, CN=<commonName>`, which is cut to the 64 characters that X.520 allows. */
export function nameOf(commonName: string): Buffer {
  const part = (type: string, text: string): der.Node =>
    der.set(der.sequence(der.oid(type), der.utf8String(text.slice(0, 64))));
  return der.encode(der.sequence(part(OID.organizationName, ORGANIZATION), part(OID.commonName, commonName)));
}

/** SHA-1 over the bits of the public key: method 1 of RFC 5280, 4.2.1.2. It names a key and protects nothing. */
export function keyIdOf(publicKey: KeyObject): Buffer {
  const [, bits] = der.children(der.decode(publicKey.export({ format: 'der', type: 'spki' })));
  return createHash('sha1').update(der.bitsOf(bits)).digest();
}

/**
 * Makes and signs an X.509 v3 certificate (RFC 5280). node-forge encodes, Node's own crypto signs: forge cannot sign with ECDSA.
 * @returns DER.
 * @throws when the signer's key is neither ECDSA P-256, P-384 nor RSA.
 */
export function makeCertificate(content: CertificateContent, signer: Signer): Buffer {
  const algorithm = algorithmOf(signer.key);
  const tbs = der.encode(
    der.sequence(
      der.tagged(0, der.smallInteger(2)),
      der.integer(serialNumber()),
      algorithm.identifier,
      der.decode(signer.name),
      der.sequence(der.time(content.notBefore), der.time(content.notAfter)),
      der.decode(content.subject),
      der.decode(content.publicKey.export({ format: 'der', type: 'spki' })),
      der.tagged(3, der.sequence(...extensions(content, signer))),
    ),
  );
  const signature = sign(algorithm.hash, tbs, signer.key);
  return der.encode(der.sequence(der.decode(tbs), algorithm.identifier, der.bitString(signature)));
}

function extensions(content: CertificateContent, signer: Signer): der.Node[] {
  const extension = (id: string, critical: boolean, value: der.Node): der.Node =>
    der.sequence(der.oid(id), ...(critical ? [der.boolean(true)] : []), der.octetString(der.encode(value)));
  const keyId = content.keyId ?? keyIdOf(content.publicKey);
  const common = [
    extension(OID.subjectKeyIdentifier, false, der.octetString(keyId)),
    extension(OID.authorityKeyIdentifier, false, der.sequence(der.taggedBytes(0, signer.keyId))),
  ];
  const names = [
    ...content.uris.map(uri => der.taggedBytes(6, Buffer.from(uri, 'ascii'))),
    ...(content.hosts ?? []).map(generalName),
  ];
  if (names.length > 0) common.push(extension(OID.subjectAltName, false, der.sequence(...names)));
  if (content.authority)
    return [
      extension(OID.basicConstraints, true, der.sequence(der.boolean(true))),
      // keyCertSign and cRLSign: bits 5 and 6.
      extension(OID.keyUsage, true, der.bitString(new Uint8Array([0b0000_0110]), 1)),
      ...common,
    ];
  return [
    extension(OID.basicConstraints, true, der.sequence()),
    // digitalSignature: bit 0.
    extension(OID.keyUsage, true, der.bitString(new Uint8Array([0b1000_0000]), 7)),
    extension(OID.extKeyUsage, false, der.sequence(der.oid(OID.serverAuth), der.oid(OID.clientAuth))),
    ...common,
  ];
}

/** A DNS name or an IP address as a GeneralName (RFC 5280, 4.2.1.6): IPv4 is 4 bytes, IPv6 16. */
function generalName(host: string): der.Node {
  if (isIP(host) === 0) return der.taggedBytes(2, Buffer.from(host, 'ascii'));
  if (isIPv4(host)) return der.taggedBytes(7, Buffer.from(host.split('.').map(Number)));
  // The URL parser writes the shortest form, with IPv4 parts as hexadecimal.
  const [head = '', tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const hex = [...before, ...zeros, ...after].map(group => group.padStart(4, '0')).join('');
  return der.taggedBytes(7, Buffer.from(hex, 'hex'));
}

/** 127 random bits behind a first byte of 1–127: positive, and of one length. */
function serialNumber(): Buffer {
  const serial = randomBytes(16);
  serial[0] = serial[0]! & 0x7f || 1;
  return serial;
}

/** How a key signs. @throws for a key of another kind. */
export function algorithmOf(key: KeyObject): { readonly identifier: der.Node; readonly hash: string } {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'ec' && curve === 'prime256v1')
    return { identifier: der.sequence(der.oid(OID.ecdsaWithSha256)), hash: 'sha256' };
  if (key.asymmetricKeyType === 'ec' && curve === 'secp384r1')
    return { identifier: der.sequence(der.oid(OID.ecdsaWithSha384)), hash: 'sha384' };
  if (key.asymmetricKeyType === 'rsa')
    return { identifier: der.sequence(der.oid(OID.sha256WithRsa), der.nothing()), hash: 'sha256' };
  throw new Error(
    `cannot sign with a key of kind ${key.asymmetricKeyType} ${curve ?? ''}; use ECDSA P-256, P-384 or RSA`,
  );
}

/** The public half of a private key. */
export function publicOf(key: KeyObject): KeyObject {
  return createPublicKey(key);
}

/** DER as PEM. */
export function toPem(bytes: Uint8Array, label: 'CERTIFICATE' | 'CERTIFICATE REQUEST'): string {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** DER of the subject of a certificate, as it stands in it. */
export function subjectOf(certificate: Uint8Array): Buffer {
  const fields = fieldsOf(certificate).filter(node => !der.isTagged(node, 0));
  return der.encode(fields[4]!);
}

/**
 * The key identifier that a certificate says it has: any bytes are good (RFC 5280, 4.2.1.2), and what it signs has to name the same.
 * Undefined when it says none.
 */
export function saidKeyIdOf(certificate: Uint8Array): Buffer | undefined {
  const list = fieldsOf(certificate).find(node => der.isTagged(node, 3));
  const extensions = list ? der.children(der.children(list)[0]).map(der.children) : [];
  const own = extensions.find(([id]) => der.oidOf(id) === OID.subjectKeyIdentifier);
  return own && der.octetsOf(der.decode(der.octetsOf(own.at(-1))));
}

function fieldsOf(certificate: Uint8Array): der.Node[] {
  return der.children(der.children(der.decode(certificate))[0]);
}
