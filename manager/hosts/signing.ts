import type { Authority } from '../../auth/ca/authority.ts';
import { type CertificateRequest, RequestError, readRequest } from '../../auth/ca/csr.ts';
import { hostSpiffeId, parseSpiffeId } from '../../auth/identity.ts';
import { tokenCommand } from '../../auth/token.ts';
import { HOST_NAME_RULE, isHostName } from '../model/host-name.ts';
import type { JoinRequest, JoinResponse, SignRequest, SignResponse } from '../model/proto/messages.ts';
import { messageOf } from '../model/util/errors.ts';
import { allows } from './allowed.ts';
import type { Member, Members } from './members.ts';
import type { Nonces } from './nonces.ts';
import { RefusalError } from './refusal.ts';
import type { TokenStore } from './token-store.ts';

export interface SigningParts {
  readonly authority: Authority;
  readonly members: Members;
  readonly tokens: TokenStore;
  readonly nonces: Nonces;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Decides who gets a certificate for what. Every method throws a {@link RefusalError} when the caller may not have it. */
export class Signing {
  readonly #parts: SigningParts;

  constructor(parts: SigningParts) {
    this.#parts = parts;
  }

  /**
   * First contact of a host. The token is used up only when everything else is right.
   * @param elsewhere address of another machine that is connected as this host now.
   */
  async join(request: JoinRequest, elsewhere?: string): Promise<JoinResponse> {
    const { authority, members, tokens, now } = this.#parts;
    const { host } = request;
    if (!isHostName(host))
      throw new RefusalError('host-invalid', `"${host}" cannot be a host's name: ${HOST_NAME_RULE}`);
    this.#checkAuthority();
    const token = await tokens.check(request.token, host);
    if (members.get(host) && !token.named) throw hostTaken(host);
    if (elsewhere !== undefined) throw hostConnected(host, elsewhere);
    const csr = this.#read(request.csr, hostSpiffeId(authority.trustDomain, host));
    await token.use();
    const member = { name: host, identities: token.identities, joinedAt: now(), token: token.id };
    if (token.named) await members.put(member);
    else if (!(await members.add(member))) throw hostTaken(host);
    const { chain } = authority.issueHost(csr.publicKey, host);
    return { certificateChain: chain, roots: authority.roots.join(''), trustDomain: authority.trustDomain };
  }

  /** @param host from its certificate. */
  challenge(host: string): string {
    return this.#parts.nonces.give(host);
  }

  /** @param member from the caller's certificate. */
  sign(member: Member, request: SignRequest): SignResponse {
    const { authority, nonces } = this.#parts;
    this.#checkAuthority();
    const csr = this.#read(request.csr, request.identity);
    if (csr.challenge === undefined || !nonces.take(member.name, csr.challenge))
      throw new RefusalError(
        'nonce-invalid',
        'the nonce in the certificate request is unknown, used or older than a minute',
      );
    const { chain } = this.#issue(member, request.identity, csr);
    return { certificateChain: chain, roots: authority.roots.join('') };
  }

  #issue(member: Member, identity: string, csr: CertificateRequest): { readonly chain: string } {
    const { authority } = this.#parts;
    if (identity === hostSpiffeId(authority.trustDomain, member.name))
      return authority.issueHost(csr.publicKey, member.name);
    const workload = parseSpiffeId(identity);
    if (!workload || workload.trustDomain !== authority.trustDomain || !allows(member.identities, workload))
      throw new RefusalError(
        'identity-not-allowed',
        `host "${member.name}" may not be "${identity}"; its join token allowed ${member.identities.join(', ')}`,
      );
    return authority.issueWorkload(csr.publicKey, identity);
  }

  /** Before anything is used up for a certificate that cannot be had. */
  #checkAuthority(): void {
    try {
      this.#parts.authority.check();
    } catch (error) {
      throw new RefusalError('ca-ended', messageOf(error), { cause: error });
    }
  }

  /** Reads a request and checks that it asks for this identity and no other. */
  #read(bytes: Uint8Array, identity: string): CertificateRequest {
    try {
      const csr = readRequest(bytes);
      if (csr.uri === identity) return csr;
      throw new RefusalError(
        'csr-other-identity',
        `the certificate request is for "${csr.uri}", not for "${identity}"`,
      );
    } catch (error) {
      if (error instanceof RequestError) throw new RefusalError('csr-invalid', error.message, { cause: error });
      throw error;
    }
  }
}

/** It would be cut off, and its services be gone, by what may be a slip in a name. */
function hostConnected(host: string, address: string): RefusalError {
  return new RefusalError(
    'host-connected',
    `host "${host}" is connected, from ${address}; join this machine under a name of its own, or, if it takes the place of that one, end the agent there first, or: isthmus hosts remove ${host} --force`,
  );
}

function hostTaken(host: string): RefusalError {
  return new RefusalError(
    'host-taken',
    `there is a host "${host}" already; to join it anew, make a token that names it: ${tokenCommand(host)}`,
  );
}
