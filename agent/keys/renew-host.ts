import { X509Certificate } from 'node:crypto';
import { issuedAt } from '../../auth/ca/authority.ts';
import { renewAt } from '../../auth/ca/renewal.ts';
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

/** Renews the host's own certificate at half its life, until the signal aborts. Never rejects. */
export async function renewHostIdentity(options: RenewalOptions, signal: AbortSignal): Promise<void> {
  const { stateDir, link, logger, clock = systemClock } = options;
  let { identity } = options;
  const backoff = new Backoff({ initialMs: 1_000, maximumMs: 300_000 });
  let due = dueAt(identity);
  for (;;) {
    await sleepUntil(clock, due, signal);
    if (signal.aborted) return;
    try {
      const key = makeKey();
      const name = hostSpiffeId(identity.trustDomain, identity.host);
      const { certificateChain: chain, roots } = await link.sign(key, name, signal);
      identity = { ...identity, key, chain, roots };
      await saveHostIdentity(stateDir, identity);
      link.useIdentity(identity);
      due = dueAt(identity);
      backoff.reset();
      logger.info('renewed the certificate of the host', { until: new X509Certificate(chain).validTo });
    } catch (error) {
      if (signal.aborted) return;
      due = clock.now() + backoff.next();
      logger.warn('cannot renew the certificate of the host', {
        reason: messageOf(error),
        until: new X509Certificate(identity.chain).validTo,
      });
    }
  }
}

function dueAt({ chain }: HostIdentity): number {
  const { validFromDate, validToDate } = new X509Certificate(chain);
  return renewAt(issuedAt(validFromDate.getTime()), validToDate.getTime(), Math.random());
}
