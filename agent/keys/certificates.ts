import { createHash, X509Certificate } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { issuedAt } from '../../auth/ca/authority.ts';
import { readCertificates } from '../../auth/ca/given.ts';
import { renewAt, SHORTEST_MS } from '../../auth/ca/renewal.ts';
import { makeKey } from '../../auth/ca/root.ts';
import type { SignResponse } from '../../manager/model/proto/messages.ts';
import { Backoff } from '../../manager/model/util/backoff.ts';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { Wake } from '../../manager/model/util/wake.ts';

/** A key with its certificate. Times are milliseconds since 1970. */
export interface Certificate {
  /** SPIFFE ID. */
  readonly identity: string;
  /** PEM. Never logged. */
  readonly key: string;
  /** PEM, leaf first. */
  readonly chain: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface CertificatesOptions {
  /** Folder of its own; kept private. */
  readonly folder: string;
  /** Signs; rejects while there is no Manager. */
  readonly sign: (key: string, identity: string, signal: AbortSignal) => Promise<SignResponse>;
  /** What hosts trust now, PEM. */
  readonly roots: () => string;
  /** A certificate came, was renewed, or went. */
  readonly onChange: () => void;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How long it may go unnoticed that the clock was set, milliseconds; a minute when absent. */
  readonly lookMs?: number;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed?: () => number;
  readonly random?: () => number;
}

interface Wanted {
  certificate: Certificate | undefined;
  /** When to ask, milliseconds since 1970. */
  due: number;
  /** When to ask again after it failed, of the clock that is never set: a clock that is set back must not put it off. */
  againAt: number | undefined;
  /** Until when it is not asked for again, of the same clock. */
  restsUntil: number;
  readonly backoff: Backoff;
  reason: string | undefined;
  asking: boolean;
}

/** Identities asked for at the same time. */
const PARALLEL = 4;
/** Timers stand still while the machine sleeps, and none tells that its clock was set: certificates may have ended by then. Milliseconds. */
const LOOK_MS = 60_000;
/** Certificates begin five minutes before they are issued: clocks that differ by more break connections. */
const CLOCKS_DIFFER_MS = 240_000;

/**
 * The keys and certificates of the host's workloads: on disk, so that a restart needs no Manager; asked for when they lack, renewed
 * at half life, and used to the end of their life when nobody renews them.
 */
export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #now: () => number;
  readonly #elapsed: () => number;
  readonly #wanted = new Map<string, Wanted>();
  /** How far this host's clock is ahead of the Manager's, as the last certificate that came showed, milliseconds. */
  #aheadMs = 0;
  #wake: Wake | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#elapsed = options.elapsed ?? (() => performance.now());
  }

  /**
   * Says which identities the host needs; others are dropped with their keys. Those on disk are there when it resolves. One call after the
   * other: an earlier one must not drop what a later one wants.
   */
  want(identities: Iterable<string>): Promise<void> {
    const turn = this.#turn.then(() => this.#want(new Set(identities)));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #want(all: ReadonlySet<string>): Promise<void> {
    for (const identity of all) {
      if (this.#wanted.has(identity)) continue;
      const wanted: Wanted = {
        certificate: undefined,
        due: 0,
        againAt: undefined,
        restsUntil: 0,
        backoff: new Backoff({ maximumMs: 30_000 }),
        reason: undefined,
        asking: false,
      };
      this.#wanted.set(identity, wanted);
      const certificate = await this.#read(identity);
      if (certificate) this.#use(wanted, certificate);
    }
    for (const identity of this.#wanted.keys()) if (!all.has(identity)) this.#wanted.delete(identity);
    await this.#sweep(all).catch(this.#warn('cannot remove the keys of identities that left this host'));
    this.#options.onChange();
    this.#wake?.call();
  }

  /** Those that can be used now. */
  usable(): Certificate[] {
    const now = this.#now();
    return [...this.#wanted.values()].flatMap(({ certificate }) =>
      certificate && certificate.notAfter > now ? [certificate] : [],
    );
  }

  /** Whether a certificate was ever given for it, run out or not. */
  has(identity: string): boolean {
    return this.#wanted.get(identity)?.certificate !== undefined;
  }

  /** End of the certificate, milliseconds since 1970; undefined when there is none. */
  expires(identity: string): number | undefined {
    return this.#wanted.get(identity)?.certificate?.notAfter;
  }

  /** Why an identity has no fresh certificate, or soon will have none; undefined when all is well. */
  reason(identity: string): string | undefined {
    const wanted = this.#wanted.get(identity);
    return wanted && (wanted.reason ?? clockProblem(this.#aheadMs));
  }

  /** The Manager is back: whoever waits to try again tries now. */
  retry(): void {
    for (const wanted of this.#wanted.values()) if (wanted.reason !== undefined) wanted.againAt = -Infinity;
    this.#wake?.call();
  }

  /** Other roots are trusted: of what stands under none of them a new one is asked for, and it is used until that has come. */
  rootsChanged(): void {
    for (const wanted of this.#wanted.values()) if (wanted.certificate) wanted.due = this.#dueAt(wanted.certificate);
    this.#wake?.call();
  }

  /** Asks and renews until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = new Wake(signal);
    this.#wake = wake;
    while (!signal.aborted) {
      const due = [...this.#wanted]
        .filter(([, wanted]) => !wanted.asking && this.#dueIn(wanted) <= 0)
        .slice(0, PARALLEL);
      if (due.length > 0) await Promise.all(due.map(([identity, wanted]) => this.#ask(identity, wanted, signal)));
      else await wake.wait(Math.max(1, this.#nextIn()));
    }
  }

  /** How long until something is due, or it is time to look, milliseconds. */
  #nextIn(): number {
    return Math.min(...[...this.#wanted.values()].map(wanted => this.#dueIn(wanted)), this.#options.lookMs ?? LOOK_MS);
  }

  #dueIn({ due, againAt, restsUntil }: Wanted): number {
    if (againAt !== undefined) return againAt - this.#elapsed();
    return Math.max(due - this.#now(), restsUntil - this.#elapsed());
  }

  async #ask(identity: string, wanted: Wanted, signal: AbortSignal): Promise<void> {
    wanted.asking = true;
    try {
      const key = makeKey();
      const { certificateChain: chain } = await this.#options.sign(key, identity, signal);
      const certificate = certificateOf(identity, key, chain);
      await this.#keep(certificate);
      if (this.#wanted.get(identity) !== wanted) return;
      this.#use(wanted, certificate);
      wanted.restsUntil = this.#elapsed() + SHORTEST_MS;
      this.#compareClocks(certificate);
      this.#options.onChange();
    } catch (error) {
      if (signal.aborted) return;
      const reason = messageOf(error);
      if (reason !== wanted.reason)
        this.#options.logger.warn('no new certificate', { identity, reason, until: until(wanted.certificate) });
      wanted.reason = reason;
      wanted.againAt = this.#elapsed() + wanted.backoff.next();
    } finally {
      wanted.asking = false;
    }
  }

  #compareClocks({ notBefore }: Certificate): void {
    const before = clockProblem(this.#aheadMs);
    this.#aheadMs = this.#now() - issuedAt(notBefore);
    const reason = clockProblem(this.#aheadMs);
    if (reason !== undefined && before === undefined) this.#options.logger.warn('clocks differ', { reason });
  }

  #use(wanted: Wanted, certificate: Certificate): void {
    wanted.certificate = certificate;
    wanted.due = this.#dueAt(certificate);
    wanted.againAt = undefined;
    wanted.reason = undefined;
    wanted.backoff.reset();
  }

  #dueAt({ chain, notBefore, notAfter }: Certificate): number {
    const { roots, random = Math.random } = this.#options;
    return isUnder(chain, roots()) ? renewAt(issuedAt(notBefore), notAfter, random()) : -Infinity;
  }

  #path(identity: string): string {
    return join(this.#options.folder, `${createHash('sha256').update(identity).digest('hex').slice(0, 32)}.json`);
  }

  /** One that the disk does not take is used all the same: only the next life has to ask anew. */
  async #keep(certificate: Certificate): Promise<void> {
    const { identity } = certificate;
    const failed = this.#warn('cannot keep a certificate; it is used, and asked for anew after a restart', identity);
    await writeAtomic(this.#path(identity), JSON.stringify(certificate)).catch(failed);
  }

  #warn(what: string, identity?: string): (error: unknown) => void {
    const { folder, logger } = this.#options;
    return error => logger.warn(what, { ...(identity && { identity }), folder, reason: messageOf(error) });
  }

  async #read(identity: string): Promise<Certificate | undefined> {
    try {
      const text = await readIfThere(this.#path(identity));
      if (text === undefined) return undefined;
      const { key, chain } = JSON.parse(String(text)) as Certificate;
      return certificateOf(identity, key, chain);
    } catch (error) {
      this.#options.logger.warn('a kept certificate cannot be read; asking for a new one', {
        identity,
        reason: messageOf(error),
      });
      return undefined;
    }
  }

  /** Removes the keys of identities that are not wanted, and files of writes that were broken off. */
  async #sweep(identities: ReadonlySet<string>): Promise<void> {
    const kept = new Set([...identities].map(identity => this.#path(identity)));
    const asking = [...this.#wanted].flatMap(([identity, wanted]) => (wanted.asking ? [this.#path(identity)] : []));
    const files = await readdir(this.#options.folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    });
    for (const path of files.map(file => join(this.#options.folder, file)))
      if (!kept.has(path) && !asking.some(own => path.startsWith(own))) await rm(path, { force: true });
  }
}

function certificateOf(identity: string, key: string, chain: string): Certificate {
  const leaf = new X509Certificate(chain);
  return { identity, key, chain, notBefore: leaf.validFromDate.getTime(), notAfter: leaf.validToDate.getTime() };
}

/** Whether one of the roots signed a certificate of the chain; all PEM. Where no root can be read nothing is known against it. */
function isUnder(chain: string, roots: string): boolean {
  try {
    const trusted = readCertificates(roots);
    const signed = (one: X509Certificate): boolean =>
      trusted.some(root => one.checkIssued(root) && one.verify(root.publicKey));
    return trusted.length === 0 || readCertificates(chain).some(signed);
  } catch {
    return true;
  }
}

/** Whether this host and the Manager agree about the time; it takes a moment to get a certificate. */
function clockProblem(aheadMs: number): string | undefined {
  if (Math.abs(aheadMs) < CLOCKS_DIFFER_MS) return undefined;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const side = aheadMs > 0 ? 'ahead of' : 'behind';
  return `the clock of this host is ${minutes} minutes ${side} the Manager's, and certificates end by the clock: set both by NTP`;
}

function until(certificate: Certificate | undefined): string | undefined {
  return certificate && new Date(certificate.notAfter).toISOString();
}
