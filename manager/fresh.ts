import { renewAt } from '../auth/ca/renewal.ts';
import { type Clock, sleepUntil } from './model/util/clock.ts';
import { messageOf } from './model/util/errors.ts';
import type { Logger } from './model/util/log.ts';

/** A certificate of the Manager's own that has to be renewed. */
export interface Renewed {
  /** For the log, such as `the certificate for agents`. */
  readonly what: string;
  /** When the one in use ends, milliseconds since 1970. */
  readonly notAfter: number;
  /** Takes a new one into use. @returns when that ends. @throws when there is none to be had. */
  readonly renew: () => number;
}

/** What cannot be renewed is tried again so much later, milliseconds. */
const AGAIN_MS = 3_600_000;

/**
 * Renews a certificate at half its life, until the signal aborts. What cannot be renewed stays in use, is said, and tried again
 * within the hour. Never rejects.
 */
export async function keepFresh(
  { what, notAfter, renew }: Renewed,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  let due = renewAt(clock.now(), notAfter, Math.random());
  for (;;) {
    await sleepUntil(clock, due, signal);
    if (signal.aborted) return;
    try {
      due = renewAt(clock.now(), renew(), Math.random());
    } catch (error) {
      logger.error(`${what} is not renewed; the one before stays in use`, { why: messageOf(error) });
      due = clock.now() + AGAIN_MS;
    }
  }
}
