import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate } from 'node:tls';
import { toPem } from '../../auth/ca/certificate.ts';
import { makeRequest } from '../../auth/ca/csr.ts';
import { spiffeIdOf } from '../../auth/ca/peer.ts';
import { fingerprintOf, makeKey } from '../../auth/ca/root.ts';
import { hostSpiffeId, parseManagerSpiffeId } from '../../auth/identity.ts';
import { parseToken, tokenCommand } from '../../auth/token.ts';
import type { Wire } from '../../manager/model/proto/wire.ts';
import type { HostIdentity } from '../keys/host-identity.ts';
import { call, managerClient } from './client.ts';
import { shakeHands } from './handshake.ts';

export interface JoinOptions {
  /** Addresses of Managers, the first is asked. */
  readonly managers: readonly string[];
  /** The token's text; never logged. */
  readonly token: string;
  readonly host: string;
  /** For each of the two connections, milliseconds. */
  readonly deadlineMs?: number;
}

/** The Manager refused, or is not the one that the token is from. The message says what to do. */
export class JoinError extends Error {
  override readonly name = 'JoinError';
  readonly code = 'JOIN_REFUSED';
}

/**
 * Joins a mesh: makes the host's key, and has the Manager sign for it against the token. Nothing secret is sent before the Manager has
 * proved that it stands under the root which the token names.
 * @throws {JoinError}
 */
export async function join(wire: Wire, options: JoinOptions, signal: AbortSignal): Promise<HostIdentity> {
  const token = parseToken(options.token);
  if (!token) throw new JoinError(`That is no join token; on the Manager run: ${tokenCommand()}`);
  const [address] = options.managers;
  if (!address) throw new JoinError('No Manager was named; try: isthmus join 10.0.0.1:15012 --token …');
  const deadlineMs = options.deadlineMs ?? 10_000;
  const { roots, trustDomain } = await pinned(
    address,
    token.fingerprint,
    AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
  );
  const key = makeKey();
  const client = managerClient(wire, { address, roots, trustDomain });
  try {
    const csr = makeRequest(createPrivateKey(key), hostSpiffeId(trustDomain, options.host));
    const request = { token: options.token.trim(), host: options.host, csr };
    const joined = await call(client, one => one.Join, request, { deadlineMs, signal });
    const { certificateChain: chain } = joined;
    return { host: options.host, trustDomain, managers: options.managers, key, chain, roots: joined.roots };
  } catch (error) {
    if (signal.aborted) throw error;
    const { details } = error as { readonly details?: string };
    throw new JoinError(`The Manager at ${address} refused: ${details || String(error)}`);
  } finally {
    client.close();
  }
}

/** The root, PEM, that a Manager shows and whose SHA-256 is as the token says, with the trust domain that it claims to manage. */
async function pinned(
  address: string,
  fingerprint: string,
  signal: AbortSignal,
): Promise<{ roots: string; trustDomain: string }> {
  const chain = await shownChain(address, signal);
  const roots = chain.find(pem => fingerprintOf(pem) === fingerprint);
  const trustDomain = parseManagerSpiffeId(spiffeIdOf(new X509Certificate(chain[0]!)) ?? '');
  if (roots !== undefined && trustDomain !== undefined) return { roots, trustDomain };
  throw new JoinError(
    `The Manager at ${address} is not the one that this token is from: none of its ${chain.length} certificates has the token's fingerprint`,
  );
}

/** The certificates that a TLS server shows, PEM, leaf first. They prove nothing yet. */
async function shownChain(address: string, signal: AbortSignal): Promise<string[]> {
  const socket = await shakeHands(address, { rejectUnauthorized: false }, signal).catch((cause: unknown) => {
    throw new JoinError(`Cannot reach the Manager at ${address}`, { cause });
  });
  const chain = chainOf(socket.getPeerCertificate(true));
  socket.destroy();
  return chain;
}

function chainOf(leaf: DetailedPeerCertificate): string[] {
  const chain: string[] = [];
  const seen = new Set<string>();
  for (let next = leaf; next?.raw && !seen.has(next.fingerprint256); next = next.issuerCertificate) {
    seen.add(next.fingerprint256);
    chain.push(toPem(new X509Certificate(next.raw).raw, 'CERTIFICATE'));
  }
  return chain;
}
