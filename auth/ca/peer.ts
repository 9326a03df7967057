import type { X509Certificate } from 'node:crypto';

/** The one SPIFFE ID of a certificate; undefined when it has none, several names, or names of another kind. */
export function spiffeIdOf(certificate: X509Certificate): string | undefined {
  return spiffeIdInNames(certificate.subjectAltName);
}

/** The same from the text that Node gives for the names: `URI:spiffe://…`. */
export function spiffeIdInNames(names: string | undefined): string | undefined {
  // Node quotes what could be taken for a separator; a SPIFFE ID has no such characters, so a quoted one is none.
  return /^URI:(spiffe:\/\/[A-Za-z0-9._/-]+)$/.exec(names ?? '')?.[1];
}
