import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { messageOf } from '../../manager/model/util/errors.ts';
import { algorithmOf } from './certificate.ts';
import { readPkcs12 } from './pkcs12.ts';

/** A certificate authority that was brought along. */
export interface GivenAuthority {
  readonly key: KeyObject;
  /** The signing certificate, then those above it; the last one is trusted. */
  readonly chain: readonly X509Certificate[];
}

/** A certificate authority that cannot be used; the message says what is wrong with it and how to mend it. */
export class AuthorityError extends Error {
  override readonly name = 'AuthorityError';
  readonly code = 'CA_UNUSABLE';
}

/** The certificates of a PEM text, in its order. @throws when one of them cannot be read. */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map(block => new X509Certificate(block));
}

/**
 * Reads an authority from PEM.
 * @param certificates the signing certificate first, then those above it up to a self-signed one.
 * @throws {AuthorityError}
 */
export function authorityFromPem(certificates: string, key: string, passphrase?: string): GivenAuthority {
  let read: { key: KeyObject; chain: X509Certificate[] };
  try {
    read = {
      key: createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) }),
      chain: readCertificates(certificates),
    };
  } catch (error) {
    throw new AuthorityError(`Cannot read the given CA: ${messageOf(error)}; give its certificate and its key as PEM`, {
      cause: error,
    });
  }
  return checked(read);
}

/**
 * Reads an authority from a PKCS#12 bundle.
 * @throws {AuthorityError}
 */
export async function authorityFromPkcs12(bytes: Uint8Array, password: string): Promise<GivenAuthority> {
  try {
    const { keys, certificates } = await readPkcs12(bytes, password);
    if (!keys[0]) throw new AuthorityError('it holds no private key; export it with the key of the CA');
    const key = createPrivateKey({ key: keys[0], format: 'der', type: 'pkcs8' });
    const all = certificates.map(certificate => new X509Certificate(certificate));
    return checked({ key, chain: ordered(all, key) });
  } catch (error) {
    throw new AuthorityError(`Cannot use the given PKCS#12 bundle: ${messageOf(error)}`, { cause: error });
  }
}

/** Puts the certificate of the key first and each one's issuer behind it: a bundle has no order. */
function ordered(certificates: readonly X509Certificate[], key: KeyObject): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = certificates.find(certificate => certificate.checkPrivateKey(key));
  while (next && !chain.includes(next)) {
    chain.push(next);
    const below: X509Certificate = next;
    next = certificates.find(certificate => certificate !== below && below.checkIssued(certificate));
  }
  return chain;
}

function checked(given: GivenAuthority): GivenAuthority {
  const [signing] = given.chain;
  if (!signing) throw new AuthorityError('The given CA has no certificate that fits its key');
  if (!signing.checkPrivateKey(given.key))
    throw new AuthorityError('The key of the given CA does not fit its first certificate');
  if (!given.chain.every(certificate => certificate.ca))
    throw new AuthorityError('A certificate of the given CA may not sign others: basicConstraints must say CA:TRUE');
  for (const [index, certificate] of given.chain.entries()) {
    const issuer = given.chain[index + 1];
    if (issuer && !certificate.verify(issuer.publicKey))
      throw new AuthorityError(`Certificate ${index + 1} of the given CA is not signed by certificate ${index + 2}`);
  }
  const top = given.chain.at(-1)!;
  if (!top.verify(top.publicKey))
    throw new AuthorityError('The last certificate of the given CA is not self-signed; add its issuers up to the root');
  try {
    algorithmOf(given.key);
  } catch (error) {
    throw new AuthorityError(`The given CA ${messageOf(error)}`, { cause: error });
  }
  return given;
}
