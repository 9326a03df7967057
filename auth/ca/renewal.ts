/** What a person does when the CA has ended, or soon will. */
export const NEW_CA = 'give the Manager a new CA in manager.yaml, and have the hosts that stay away join anew';

/**
 * No certificate is renewed sooner after it was issued, milliseconds: near the end of the CA they get ever shorter. Nor sooner after it
 * came, where the clock is ahead of the Manager's: each would be due at once.
 */
export const SHORTEST_MS = 60_000;

/**
 * When to renew a certificate: at half its life, up to a tenth of its life earlier so that hosts do not come all at once.
 * @param issuedAt when it was issued, which is later than when it begins; milliseconds since 1970.
 * @param random 0–1 exclusive.
 * @returns milliseconds since 1970.
 */
export function renewAt(issuedAt: number, notAfter: number, random: number): number {
  const life = notAfter - issuedAt;
  return issuedAt + Math.max(SHORTEST_MS, life * (0.5 - 0.1 * random));
}
