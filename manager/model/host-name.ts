/**
 * A host's name: labels of DNS (RFC 1123) with dots between. Dots leave an SNI with one meaning, as its first two labels are the
 * workload and the namespace, which have none (see `sniOf`).
 */
const HOST_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Characters. An SNI of the longest workload and namespace, 63 each, has the 253 that a name in DNS may have. */
const LONGEST = 120;

/** What {@link isHostName} wants, for messages. */
export const HOST_NAME_RULE: string = `lower-case letters, digits and "-", in parts of at most 63 with dots between, at most ${LONGEST} in all`;

/** Whether a text can name a host: `vm-7`, `vm-7.dc1.example`. The Manager and the host's own config go by the same rule. */
export function isHostName(text: string): boolean {
  return text.length <= LONGEST && HOST_NAME.test(text);
}
