import type { KeyObject, X509Certificate } from 'node:crypto';
import { hostSpiffeId, managerSpiffeId } from '../identity.ts';
import { keyIdOf, makeCertificate, nameOf, type Signer, saidKeyIdOf, subjectOf, toPem } from './certificate.ts';
import { AuthorityError, type GivenAuthority } from './given.ts';
import { NEW_CA } from './renewal.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How long certificates are good, milliseconds. */
export const LIFETIME: Readonly<Record<'host' | 'workload' | 'manager', number>> = {
  /** A host that was away for weeks comes back without a person; leaving the mesh is by its record at the Manager, at once. */
  host: 30 * DAY,
  workload: DAY,
  manager: 7 * DAY,
};

/** Certificates begin this much in the past, for hosts whose clocks are behind. */
export const BACKDATE_MS: number = 5 * 60_000;

/** When a certificate of ours was issued. @param notBefore when it begins. Both milliseconds since 1970. */
export function issuedAt(notBefore: number): number {
  return notBefore + BACKDATE_MS;
}

/** A certificate with those between it and the root, PEM, leaf first. */
export interface Issued {
  readonly chain: string;
  readonly notAfter: Date;
}

export interface AuthorityOptions {
  readonly trustDomain: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Roots that are trusted besides its own, PEM: those of an authority before it. */
  readonly formerRoots?: readonly string[];
  /** One before it that hosts trust already: it vouches for this one's root to those who have yet to hear of it. */
  readonly voucher?: GivenAuthority;
}

/** Signs the certificates of a mesh. Whom it signs for is for its caller to decide. */
export class Authority {
  readonly trustDomain: string;
  /** PEM certificates to trust, oldest first. */
  readonly roots: readonly string[];
  /** The root that join tokens name, PEM: its own, or that of its voucher, which others trust already. */
  readonly root: string;
  /** When the first certificate of its chain ends, milliseconds since 1970: nothing that it signs outlives that. */
  readonly ends: number;
  readonly #signer: Signer;
  readonly #intermediates: string;
  readonly #now: () => number;

  constructor(given: GivenAuthority, options: AuthorityOptions) {
    const [certificate] = given.chain;
    const root = given.chain.at(-1);
    if (!certificate || !root) throw new AuthorityError('The CA has no certificate');
    this.trustDomain = options.trustDomain;
    this.#now = options.now;
    this.ends = Math.min(...given.chain.map(({ validToDate }) => validToDate.getTime()));
    const { voucher, formerRoots = [] } = options;
    const vouched = voucher && vouch(given, voucher, options.now());
    this.#intermediates = given.chain.slice(0, -1).map(String).join('') + (vouched ?? '');
    this.#signer = signerOf(given.key, certificate);
    const own = root.toString();
    const former = [...(voucher ? [String(voucher.chain.at(-1))] : []), ...formerRoots];
    this.roots = [...new Set([...former.filter(one => one !== own), own])];
    this.root = vouched === undefined ? own : this.roots[0]!;
  }

  /** @param identity SPIFFE ID of a workload. */
  issueWorkload(publicKey: KeyObject, identity: string): Issued {
    return this.#issue(publicKey, identity, LIFETIME.workload);
  }

  issueHost(publicKey: KeyObject, host: string): Issued {
    return this.#issue(publicKey, hostSpiffeId(this.trustDomain, host), LIFETIME.host);
  }

  issueManager(publicKey: KeyObject): Issued {
    return this.#issue(publicKey, managerSpiffeId(this.trustDomain), LIFETIME.manager);
  }

  /** For the REST API: its callers are no members of the mesh and know it by names and addresses. */
  issueApi(publicKey: KeyObject, hosts: readonly string[]): Issued {
    return this.#issue(publicKey, managerSpiffeId(this.trustDomain), LIFETIME.manager, hosts);
  }

  /** @throws {AuthorityError} when it has ended and can sign no more. */
  check(): void {
    if (this.ends > this.#now()) return;
    throw new AuthorityError(`the CA's own certificate ended at ${new Date(this.ends).toISOString()}; ${NEW_CA}`);
  }

  #issue(publicKey: KeyObject, uri: string, lifetime: number, hosts: readonly string[] = []): Issued {
    const now = this.#now();
    this.check();
    // Whole seconds: X.509 has no finer time.
    const notAfter = new Date(Math.floor(Math.min(now + lifetime, this.ends) / 1000) * 1000);
    const content = {
      subject: nameOf(uri.replace(/^spiffe:\/\/[^/]+\//, '')),
      publicKey,
      uris: [uri],
      hosts,
      // Also where the CA itself is younger: it says to whom it comes when it was issued.
      notBefore: new Date(now - BACKDATE_MS),
      notAfter,
      authority: false,
    };
    return { chain: toPem(makeCertificate(content, this.#signer), 'CERTIFICATE') + this.#intermediates, notAfter };
  }
}

/**
 * The root of an authority, signed by another: with it, what the one signs is good also for who trusts the root of the other alone. PEM.
 * Undefined when either has ended, or they have one root.
 * @param now milliseconds since 1970.
 */
function vouch(given: GivenAuthority, voucher: GivenAuthority, now: number): string | undefined {
  const [root, signing] = [given.chain.at(-1), voucher.chain[0]];
  const ends = Math.min(...[root, ...voucher.chain].map(one => one?.validToDate.getTime() ?? 0));
  if (!root || !signing || ends <= now || root.raw.equals(signing.raw)) return undefined;
  const content = {
    subject: subjectOf(root.raw),
    publicKey: root.publicKey,
    keyId: saidKeyIdOf(root.raw) ?? keyIdOf(root.publicKey),
    uris: [],
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(ends),
    authority: true,
  };
  return toPem(makeCertificate(content, signerOf(voucher.key, signing)), 'CERTIFICATE');
}

function signerOf(key: KeyObject, { raw, publicKey }: X509Certificate): Signer {
  return { key, name: subjectOf(raw), keyId: saidKeyIdOf(raw) ?? keyIdOf(publicKey) };
}
