/** Why something was refused; each is counted. */
export type RefusalCode =
  | 'token-invalid'
  | 'token-expired'
  | 'token-used'
  | 'token-other-host'
  | 'host-taken'
  | 'host-invalid'
  | 'no-certificate'
  | 'certificate-expired'
  | 'host-unknown'
  | 'csr-invalid'
  | 'csr-other-identity'
  | 'nonce-invalid'
  | 'identity-not-allowed'
  | 'resource-not-allowed'
  | 'message-invalid';

/** A caller may not have what it asked for. The message goes to it, so it holds no secret. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** How often something was refused, by the reason. */
export class Refusals {
  readonly #counts = new Map<RefusalCode, number>();

  count(code: RefusalCode): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  counts(): Readonly<Partial<Record<RefusalCode, number>>> {
    return Object.fromEntries(this.#counts);
  }
}
