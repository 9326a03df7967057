/** Why something was refused; each is counted. */
export type RefusalCode =
  | 'token-invalid'
  | 'token-expired'
  | 'token-used'
  | 'token-other-host'
  | 'host-taken'
  | 'host-connected'
  | 'host-invalid'
  | 'no-certificate'
  | 'certificate-expired'
  | 'host-unknown'
  | 'csr-invalid'
  | 'csr-other-identity'
  | 'nonce-invalid'
  | 'identity-not-allowed'
  | 'resource-not-allowed'
  | 'message-invalid'
  | 'address-taken'
  | 'admin-token'
  | 'ca-ended';

/** Characters of a message at the most: it goes into logs, and strangers write parts of it. */
const LONGEST = 500;

/** A caller may not have what it asked for. The message goes to it, so it holds no secret. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(printable(message), options);
    this.code = code;
  }
}

/** A text that a stranger wrote, fit for a log and a terminal. */
export function printable(text: string): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return short.replaceAll(/\p{Cc}/gu, ' ');
}
