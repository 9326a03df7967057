/**
 * When to renew a certificate: at half its life, up to a tenth of its life earlier so that hosts do not come all at once.
 * @param random 0–1 exclusive.
 * @returns milliseconds since 1970.
 */
export function renewAt(notBefore: number, notAfter: number, random: number): number {
  const life = notAfter - notBefore;
  return notBefore + life * (0.5 - 0.1 * random);
}
