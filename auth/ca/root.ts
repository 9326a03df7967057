import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { BACKDATE_MS } from './authority.ts';
import { keyIdOf, makeCertificate, nameOf, toPem } from './certificate.ts';
import { authorityFromPem, type GivenAuthority } from './given.ts';

/** Ten years, milliseconds. */
const LIFETIME_MS = 10 * 365 * 24 * 3_600_000;

/** A root as it is kept: its certificate and its key (PKCS#8), PEM. */
export interface RootText {
  readonly certificate: string;
  readonly key: string;
}

/** Makes a self-signed ECDSA P-256 root. @param now milliseconds since 1970. */
export function makeRoot(trustDomain: string, now: number): RootText {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = createPublicKey(privateKey);
  const commonName = `Root of ${trustDomain}`;
  const certificate = makeCertificate(
    {
      subject: nameOf(commonName),
      publicKey,
      uris: [`spiffe://${trustDomain}`],
      notBefore: new Date(now - BACKDATE_MS),
      notAfter: new Date(now + LIFETIME_MS),
      authority: true,
    },
    { key: privateKey, name: nameOf(commonName), keyId: keyIdOf(publicKey) },
  );
  return { certificate: toPem(certificate, 'CERTIFICATE'), key: pemOf(privateKey) };
}

/** Reads a root back. @throws {AuthorityError} */
export function readRoot(text: RootText): GivenAuthority {
  return authorityFromPem(text.certificate, text.key);
}

/** A new ECDSA P-256 key, PEM (PKCS#8). */
export function makeKey(): string {
  return pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** SHA-256 over the DER of a PEM certificate, lower-case hex: what a join token carries. */
export function fingerprintOf(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
}
