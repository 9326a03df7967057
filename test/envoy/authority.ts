import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { CertificateSecret } from '../../agent/envoy/ads/secrets.ts';
import { Authority } from '../../auth/ca/authority.ts';
import { makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';

/** A root of its own for a trust domain. */
export function authority(trustDomain: string): Authority {
  return new Authority(readRoot(makeRoot(trustDomain, Date.now())), { trustDomain, now: Date.now });
}

/** A new key and certificate for an identity. */
export function certificate(from: Authority, identity: string): CertificateSecret {
  const key = makeKey();
  return { identity, key, chain: from.issueWorkload(createPublicKey(createPrivateKey(key)), identity).chain };
}
