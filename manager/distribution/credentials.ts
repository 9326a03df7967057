import { createPrivateKey, createPublicKey } from 'node:crypto';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Authority } from '../../auth/ca/authority.ts';
import { makeKey } from '../../auth/ca/root.ts';

/**
 * TLS 1.3 with the Manager's own certificate. Client certificates are asked for, not required: a host that
 * joins has none yet. Node checks the chain; `getAuthContext()` shows a certificate only if that check passed.
 */
export class ManagerCredentials extends ServerCredentials {
  readonly #authority: Authority;
  #notAfter: number;

  constructor(authority: Authority) {
    const { context, notAfter } = contextOf(authority);
    super({ requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' }, context);
    this.#authority = authority;
    this.#notAfter = notAfter;
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }

  /** When the certificate in use ends, milliseconds since 1970. */
  get notAfter(): number {
    return this.#notAfter;
  }

  /** Takes a new certificate into use. @returns when that ends. @throws {AuthorityError} */
  renew(): number {
    const { context, notAfter } = contextOf(this.#authority);
    this.updateSecureContextOptions(context);
    this.#notAfter = notAfter;
    return notAfter;
  }
}

function contextOf(authority: Authority): {
  readonly context: { readonly ca: string[]; readonly cert: string; readonly key: string };
  readonly notAfter: number;
} {
  const key = makeKey();
  const { chain, notAfter } = authority.issueManager(createPublicKey(createPrivateKey(key)));
  // The root goes along: a host that joins knows it by its fingerprint only.
  return { context: { ca: [...authority.roots], cert: chain + authority.root, key }, notAfter: notAfter.getTime() };
}
