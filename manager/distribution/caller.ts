import { X509Certificate } from 'node:crypto';
import { issuedAt } from '../../auth/ca/authority.ts';
import { spiffeIdOf } from '../../auth/ca/peer.ts';
import { parseHostSpiffeId } from '../../auth/identity.ts';
import { tokenCommand } from '../../auth/token.ts';
import type { Member, Members } from '../hosts/members.ts';
import { RefusalError } from '../hosts/refusal.ts';

/** What of a call says who made it. */
export interface CallerCertificate {
  /** DER of the certificate of the connection's far end, if its chain was good when the connection was made. */
  readonly raw: Uint8Array | undefined;
}

/** What a host is told that does not belong to the mesh. */
export function removedText(host: string): string {
  return `host "${host}" does not belong to this mesh, or was removed; ${toJoinAnew(host)}`;
}

function toJoinAnew(host: string): string {
  return `to join it anew: ${tokenCommand(host)}, isthmus join there, and start its agent anew`;
}

/** What is told to whoever shows a certificate of a host from before that joined anew. */
export function joinedAnewText(host: string): string {
  return `the certificate is from before host "${host}" joined anew: if this machine did, start its agent again; if not, such as one that was replaced or restored, ${toJoinAnew(host)}`;
}

/**
 * The host that makes a call: by its certificate alone, checked anew at each call, since connections outlive certificates.
 * @param now milliseconds since 1970.
 * @throws {RefusalError}
 */
export function memberOf(
  caller: CallerCertificate,
  trustDomain: string,
  members: Pick<Members, 'get'>,
  now: number,
): Member {
  if (!caller.raw)
    throw new RefusalError(
      'no-certificate',
      `this call needs a host certificate of this mesh; the connection has none, or one that is of another CA, or not good at the time that the Manager has: see that the clocks of both agree (date); where they do, ${toJoinAnew('<host>')}`,
    );
  const certificate = new X509Certificate(caller.raw);
  if (certificate.validToDate.getTime() <= now)
    throw new RefusalError(
      'certificate-expired',
      `the host certificate ended at ${certificate.validToDate.toISOString()} by the clock of the Manager: see that the clocks of both agree (date); where they do, ${toJoinAnew(parseHostSpiffeId(spiffeIdOf(certificate) ?? '')?.host ?? '<host>')}`,
    );
  const id = parseHostSpiffeId(spiffeIdOf(certificate) ?? '');
  if (id?.trustDomain !== trustDomain)
    throw new RefusalError('no-certificate', 'the certificate of this connection is not that of a host of this mesh');
  const member = members.get(id.host);
  if (!member) throw new RefusalError('host-unknown', removedText(id.host));
  // Whoever joined anew is known by what was issued since: an older certificate may be in other hands.
  const issued = issuedAt(certificate.validFromDate.getTime());
  // Certificates know whole seconds.
  if (issued < Math.floor(member.joinedAt / 1000) * 1000)
    throw new RefusalError('host-unknown', joinedAnewText(id.host));
  return member;
}
