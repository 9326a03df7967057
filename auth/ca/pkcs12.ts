import type { pkcs12 as Pkcs12 } from 'node-forge';
import { decode, encode } from './der.ts';

/** What a PKCS#12 bundle holds. */
export interface Bundle {
  /** PKCS#8, DER. */
  readonly keys: readonly Buffer[];
  /** X.509, DER, in no particular order. */
  readonly certificates: readonly Buffer[];
}

/**
 * Opens a PKCS#12 bundle (RFC 7292).
 * @throws when it is none, or the password is wrong.
 */
export async function readPkcs12(bytes: Uint8Array, password: string): Promise<Bundle> {
  // Loaded when it is needed: few bring a bundle, and the whole of node-forge takes 70 ms and 14 MB.
  const { default: forge } = await import('node-forge');
  const bags = forge.pkcs12
    .pkcs12FromAsn1(decode(bytes), false, password)
    .safeContents.flatMap((content: { safeBags: Pkcs12.Bag[] }) => content.safeBags);
  const ofType = (...types: (string | undefined)[]): Pkcs12.Bag[] => bags.filter(bag => types.includes(bag.type));
  // What is not RSA comes through forge as ASN.1 alone.
  return {
    keys: ofType(forge.pki.oids['keyBag'], forge.pki.oids['pkcs8ShroudedKeyBag']).map(bag =>
      encode(bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1),
    ),
    certificates: ofType(forge.pki.oids['certBag']).map(bag =>
      encode(bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1),
    ),
  };
}
