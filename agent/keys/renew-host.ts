import { X509Certificate } from 'node:crypto';
import { issuedAt } from '../../auth/ca/authority.ts';
import { renewAt, SHORTEST_MS } from '../../auth/ca/renewal.ts';
import { makeKey } from '../../auth/ca/root.ts';
import { hostSpiffeId } from '../../auth/identity.ts';
import { Backoff } from '../../manager/model/util/backoff.ts';
import { type Clock, sleepUntil, systemClock } from '../../manager/model/util/clock.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { ManagerLink } from '../manager/link.ts';
import { type HostIdentity, saveHostIdentity } from './host-identity.ts';

export interface RenewalOptions {
  readonly identity: HostIdentity;
  readonly stateDir: string;
  readonly link: Pick<ManagerLink, 'sign' | 'useIdentity'>;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/**
 * Renews the host's own certificate at half its life, until the signal aborts. One that cannot be kept is used all the same, and kept
 * as soon as that can be done. Never rejects.
 */
export async function renewHostIdentity(options: RenewalOptions, signal: AbortSignal): Promise<void> {
  const { stateDir, link, logger, clock = systemClock } = options;
  let { identity } = options;
  let renewal = dueAt(identity);
  const backoff = new Backoff({ initialMs: 1_000, maximumMs: 300_000 });
  let kept = true;
  let failed = false;
  /** One came just now. */
  let rests = false;
  for (;;) {
    // Not until a time of day: the clock may be set back.
    if (failed) await clock.sleep(backoff.next(), signal).catch(() => undefined);
    else {
      if (rests) await clock.sleep(SHORTEST_MS, signal).catch(() => undefined);
      await sleepUntil(clock, renewal, signal);
    }
    if (signal.aborted) return;
    failed = false;
    rests = false;
    try {
      if (clock.now() >= renewal) {
        identity = await renewed(identity, link, signal);
        renewal = dueAt(identity);
        kept = false;
        link.useIdentity(identity);
      }
      if (kept) continue;
      await saveHostIdentity(stateDir, identity);
      kept = true;
      rests = true;
      backoff.reset();
      logger.info('renewed the certificate of the host', { until: endOf(identity) });
    } catch (error) {
      if (signal.aborted) return;
      failed = true;
      const what = kept ? 'renew the certificate' : 'keep the new certificate';
      logger.warn(`cannot ${what} of the host`, { reason: messageOf(error), until: endOf(identity) });
    }
  }
}

async function renewed(
  identity: HostIdentity,
  link: RenewalOptions['link'],
  signal: AbortSignal,
): Promise<HostIdentity> {
  const key = makeKey();
  const name = hostSpiffeId(identity.trustDomain, identity.host);
  const { certificateChain: chain, roots } = await link.sign(key, name, signal);
  return { ...identity, key, chain, roots };
}

function endOf({ chain }: HostIdentity): string {
  return new X509Certificate(chain).validTo;
}

function dueAt({ chain }: HostIdentity): number {
  const { validFromDate, validToDate } = new X509Certificate(chain);
  return renewAt(issuedAt(validFromDate.getTime()), validToDate.getTime(), Math.random());
}
