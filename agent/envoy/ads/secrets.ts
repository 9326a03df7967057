import { createHash } from 'node:crypto';
import { type JsonMap, type Resource, TYPE } from '../../compile/resource.ts';

/** Name of the secret that holds the roots which peers are checked against. */
export const ROOTS = 'roots';

/** The certificate of an identity, with its key. */
export interface CertificateSecret {
  /** The SPIFFE ID; also the secret's name. */
  readonly identity: string;
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM. Never logged. */
  readonly key: string;
}

/** The secrets that Envoy may ask for: one by SPIFFE ID for each certificate, and {@link ROOTS}. @param roots PEM. */
export function secretResources(certificates: readonly CertificateSecret[], roots: string): Resource[] {
  const own = certificates.map(({ identity, chain, key }) =>
    secret(identity, chain, { tls_certificate: { certificate_chain: inline(chain), private_key: inline(key) } }),
  );
  return [...own, secret(ROOTS, roots, { validation_context: { trusted_ca: inline(roots) } })];
}

/** The version is taken from what is public: a chain names its key. */
function secret(name: string, content: string, body: JsonMap): Resource {
  const version = createHash('sha256').update(content).digest('base64url').slice(0, 22);
  return { typeUrl: TYPE.secret, name, version, body: { name, ...body }, origins: [`certificate ${name}`] };
}

function inline(pem: string): JsonMap {
  return { inline_bytes: Buffer.from(pem).toString('base64') };
}
