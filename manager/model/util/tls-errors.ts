import { codeOf } from './errors.ts';

/** OpenSSL's names for a chain that ends at no root that was given. */
const UNKNOWN_ROOT =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?))$/;

/** Whether a connection failed since the far end's certificate comes from no root that is trusted. */
export function isOfUnknownRoot(error: unknown): boolean {
  return UNKNOWN_ROOT.test(codeOf(error) ?? '');
}
