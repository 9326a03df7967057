import { createHash } from 'node:crypto';
import { calledSecret, callerSecret, ROOTS_SECRET } from '../../compile/names.ts';
import { type JsonMap, type Resource, TYPE } from '../../compile/resource.ts';

/** The certificate of an identity, with its key. */
export interface CertificateSecret {
  /** The SPIFFE ID, which the secrets' names are made from. */
  readonly identity: string;
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM. Never logged. */
  readonly key: string;
}

/**
 * The secrets that Envoy may ask for: each certificate by the names that a caller and a called workload know it by, and the roots.
 * @param roots PEM.
 */
export function secretResources(certificates: readonly CertificateSecret[], roots: string): Resource[] {
  const own = certificates.flatMap(({ identity, chain, key }) =>
    [callerSecret(identity), calledSecret(identity)].map(name =>
      secret(name, chain, { tls_certificate: { certificate_chain: inline(chain), private_key: inline(key) } }),
    ),
  );
  return [...own, secret(ROOTS_SECRET, roots, { validation_context: { trusted_ca: inline(roots) } })];
}

/** The version is taken from what is public: a chain names its key. */
function secret(name: string, content: string, body: JsonMap): Resource {
  const version = createHash('sha256').update(content).digest('base64url').slice(0, 22);
  return { typeUrl: TYPE.secret, name, version, body: { name, ...body }, origins: [`certificate ${name}`] };
}

function inline(pem: string): JsonMap {
  return { inline_bytes: Buffer.from(pem).toString('base64') };
}
