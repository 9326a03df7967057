import type { PeerCertificate } from 'node:tls';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import { isOfUnknownRoot } from '../../manager/model/util/tls-errors.ts';
import { type ManagerPeer, notTheManager } from './client.ts';
import { shakeHands } from './handshake.ts';

/** How long a Manager may take to shake hands before it counts as silent, milliseconds. */
const LIMIT_MS = 2_000;

/** What OpenSSL says of a certificate that was good, or will be. */
const UNTIMELY = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

/** Why a Manager cannot be talked to, found by shaking hands with it once: gRPC does not tell. Undefined when that works, or nothing answers. */
export async function whyUnreachable(peer: ManagerPeer, signal: AbortSignal): Promise<string | undefined> {
  const error = await handshake(peer, AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]));
  if (error === undefined) return undefined;
  const [code = '', { address }] = [codeOf(error), peer];
  if (UNTIMELY.includes(code))
    return `the certificate of the Manager at ${address} is not good at the time that this host has (${code}): set the clocks of both by NTP`;
  // The second where its root has the name of one of ours, and another key.
  if (isOfUnknownRoot(error) || code === 'CERT_SIGNATURE_FAILURE')
    return `the Manager at ${address} is of a CA that this host does not know (${code}): where that is right, make a token there and join anew: isthmus join ${address} --token <token>`;
  return `the Manager at ${address} cannot be talked to: ${messageOf(error)}`;
}

/** Resolves to what a handshake failed with; to undefined when it went well, or the signal aborted. */
async function handshake({ address, roots, trustDomain }: ManagerPeer, signal: AbortSignal): Promise<unknown> {
  const checkServerIdentity = (_: string, { subjectaltname }: PeerCertificate): Error | undefined =>
    notTheManager(subjectaltname, trustDomain);
  try {
    const socket = await shakeHands(address, { ca: roots, checkServerIdentity }, signal);
    socket.destroy();
    return undefined;
  } catch (error) {
    return signal.aborted ? undefined : error;
  }
}
