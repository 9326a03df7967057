import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { algorithmOf, nameOf, publicOf } from './certificate.ts';
import * as der from './der.ts';
import { OID } from './oids.ts';

/** A certificate request that was checked: whoever made it holds the private key. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  /** The one URI of its subject alternative name. */
  readonly uri: string;
  /** Its challengePassword; undefined when it has none. */
  readonly challenge?: string;
}

/** A certificate request that is not as it must be; the message says why and may go to the caller. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code = 'CSR_INVALID';
}

/** Bytes that a request may have. Ours have about 400. */
const MAXIMUM_REQUEST_BYTES: number = 8 * 1024;

/**
 * Makes a certificate request (PKCS#10, RFC 2986) for one URI.
 * @param challenge text for the challengePassword attribute (RFC 2985, 5.4.1).
 * @returns DER.
 */
export function makeRequest(key: KeyObject, uri: string, challenge?: string): Buffer {
  const names = der.sequence(der.taggedBytes(6, Buffer.from(uri, 'ascii')));
  const extension = der.sequence(der.oid(OID.subjectAltName), der.octetString(der.encode(names)));
  const attributes = [der.sequence(der.oid(OID.extensionRequest), der.set(der.sequence(extension)))];
  if (challenge !== undefined)
    attributes.push(der.sequence(der.oid(OID.challengePassword), der.set(der.utf8String(challenge))));
  const info = der.sequence(
    der.smallInteger(0),
    der.decode(nameOf('request')),
    der.decode(publicOf(key).export({ format: 'der', type: 'spki' })),
    der.tagged(0, ...attributes),
  );
  const algorithm = algorithmOf(key);
  const signature = sign(algorithm.hash, der.encode(info), key);
  return der.encode(der.sequence(info, algorithm.identifier, der.bitString(signature)));
}

/**
 * Reads a certificate request and checks its form, its signature, that its key is ECDSA P-256 and that it asks for exactly one URI.
 * @throws {RequestError}
 */
export function readRequest(bytes: Uint8Array): CertificateRequest {
  if (bytes.length > MAXIMUM_REQUEST_BYTES)
    throw new RequestError(
      `the certificate request has ${bytes.length} bytes; at most ${MAXIMUM_REQUEST_BYTES} are read`,
    );
  const parts = read(bytes);
  const { publicKey } = parts;
  if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new RequestError('the certificate request is for a key that is not ECDSA P-256');
  if (parts.algorithm !== OID.ecdsaWithSha256)
    throw new RequestError('the certificate request is not signed with ECDSA and SHA-256');
  if (!verify('sha256', parts.signed, publicKey, parts.signature))
    throw new RequestError('the signature of the certificate request does not fit its key');
  const [uri, ...more] = parts.names;
  if (uri === undefined || more.length > 0 || !uri.uri)
    throw new RequestError('the certificate request must ask for exactly one subject alternative name, a URI');
  return { publicKey, uri: uri.text, ...(parts.challenge === undefined ? {} : { challenge: parts.challenge }) };
}

interface Name {
  readonly uri: boolean;
  readonly text: string;
}

interface Parts {
  readonly signed: Buffer;
  readonly algorithm: string;
  readonly signature: Buffer;
  readonly publicKey: KeyObject;
  readonly names: readonly Name[];
  readonly challenge?: string;
}

function read(bytes: Uint8Array): Parts {
  try {
    const [info, algorithm, signature] = der.children(der.decode(bytes));
    const [, , spki, ...tail] = der.children(info);
    const attributes = tail.filter(node => der.isTagged(node, 0)).flatMap(node => der.children(node));
    // Of canonical DER, encoding gives back the bytes that were signed; of anything else, the signature then fails.
    return {
      signed: der.encode(info!),
      algorithm: der.oidOf(der.children(algorithm)[0]),
      signature: der.bitsOf(signature),
      publicKey: createPublicKey({ key: der.encode(spki!), format: 'der', type: 'spki' }),
      ...readAttributes(attributes),
    };
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError('the certificate request is not PKCS#10 in DER', { cause: error });
  }
}

function readAttributes(attributes: readonly der.Node[]): Pick<Parts, 'names' | 'challenge'> {
  const names: Name[] = [];
  const challenges: string[] = [];
  for (const attribute of attributes) {
    const [type, values] = der.children(attribute);
    const kind = der.oidOf(type);
    if (kind === OID.challengePassword)
      for (const value of der.children(values)) challenges.push(der.content(value).toString('utf8'));
    if (kind === OID.extensionRequest)
      for (const list of der.children(values))
        for (const extension of der.children(list)) names.push(...namesIn(extension));
  }
  if (challenges.length > 1) throw new RequestError('the certificate request has more than one challengePassword');
  return { names, ...(challenges[0] === undefined ? {} : { challenge: challenges[0] }) };
}

function namesIn(extension: der.Node): Name[] {
  const parts = der.children(extension);
  if (der.oidOf(parts[0]) !== OID.subjectAltName) return [];
  const value = parts.at(-1);
  return der.children(der.decode(der.octetsOf(value))).map(name => ({
    uri: der.isTagged(name, 6),
    text: der.isTagged(name, 6) ? der.content(name).toString('latin1') : '',
  }));
}
