import { createPrivateKey, createPublicKey } from 'node:crypto';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Authority } from '../../auth/ca/authority.ts';
import { renewAt } from '../../auth/ca/renewal.ts';
import { makeKey } from '../../auth/ca/root.ts';
import type { Clock } from '../model/util/clock.ts';

/**
 * TLS 1.3 with the Manager's own certificate, renewed while it serves. Client certificates are asked for, not required: a host that
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

  /** Renews the certificate at half its life, until the signal aborts; then it throws the signal's reason. */
  async keepFresh(clock: Clock, signal: AbortSignal): Promise<never> {
    for (;;) {
      const renewal = renewAt(clock.now(), this.#notAfter, Math.random());
      while (clock.now() < renewal) await clock.sleep(Math.min(MAXIMUM_SLEEP_MS, renewal - clock.now()), signal);
      const { context, notAfter } = contextOf(this.#authority);
      this.updateSecureContextOptions(context);
      this.#notAfter = notAfter;
    }
  }
}

/** Node's timers hold at most 2^31 ms; a clock that was set is noticed within an hour. */
const MAXIMUM_SLEEP_MS = 3_600_000;

function contextOf(authority: Authority): {
  readonly context: { readonly ca: string[]; readonly cert: string; readonly key: string };
  readonly notAfter: number;
} {
  const key = makeKey();
  const { chain, notAfter } = authority.issueManager(createPublicKey(createPrivateKey(key)));
  // The root goes along: a host that joins knows it by its fingerprint only.
  return { context: { ca: [...authority.roots], cert: chain + authority.root, key }, notAfter: notAfter.getTime() };
}
