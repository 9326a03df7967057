import {
  Metadata,
  Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { Authority } from '../../auth/ca/authority.ts';
import { keepFresh } from '../fresh.ts';
import type { Hosts } from '../hosts/hosts.ts';
import type { Member, Members } from '../hosts/members.ts';
import { type RefusalCode, RefusalError } from '../hosts/refusal.ts';
import type { Refusals } from '../hosts/refusals.ts';
import type { Signing } from '../hosts/signing.ts';
import type * as message from '../model/proto/messages.ts';
import type { Wire } from '../model/proto/wire.ts';
import type { Clock } from '../model/util/clock.ts';
import { messageOf } from '../model/util/errors.ts';
import type { Logger } from '../model/util/log.ts';
import { bind } from './bind.ts';
import { memberOf } from './caller.ts';
import { ManagerCredentials } from './credentials.ts';
import type { Publisher } from './publisher.ts';
import { addressOf, HostStreams } from './streams.ts';

export interface AgentServerParts {
  readonly wire: Wire;
  readonly authority: Authority;
  readonly members: Members;
  readonly signing: Signing;
  readonly hosts: Hosts;
  readonly publisher: Publisher;
  readonly refusals: Refusals;
  /** Resolves when there is something true to distribute. */
  readonly ready: Promise<void>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Bytes of a message from an agent: a resumption with 50,000 versions of about 60 fits. Whoever connects can have so much held for each call. */
const MAXIMUM_MESSAGE_BYTES = 4 * 1024 * 1024;

const OPTIONS = {
  'grpc.max_receive_message_length': MAXIMUM_MESSAGE_BYTES,
  'grpc.max_send_message_length': -1,
  // A host needs two streams and a few calls at a time.
  'grpc.max_concurrent_streams': 16,
  // A host whose cable was pulled is noticed by its lease; this frees its connection.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
};

/** Trailing metadata that tells an agent why it was refused. */
const REASON_KEY = 'isthmus-reason';

/** What is not here is PERMISSION_DENIED. */
const CODES: Readonly<Partial<Record<RefusalCode, status>>> = {
  'no-certificate': status.UNAUTHENTICATED,
  'certificate-expired': status.UNAUTHENTICATED,
  'host-unknown': status.UNAUTHENTICATED,
  'csr-invalid': status.INVALID_ARGUMENT,
  'csr-other-identity': status.INVALID_ARGUMENT,
  'nonce-invalid': status.INVALID_ARGUMENT,
  'message-invalid': status.INVALID_ARGUMENT,
  'host-invalid': status.INVALID_ARGUMENT,
  'ca-ended': status.FAILED_PRECONDITION,
};

type UnaryCall<Q, A> = (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>) => void;
type Duplex<Q, A> = (call: ServerDuplexStream<Q, A>) => void;

/** The Manager's gRPC server for agents. */
export class AgentServer {
  readonly #parts: AgentServerParts;
  readonly #server = new Server(OPTIONS);
  readonly #streams: HostStreams;

  constructor(parts: AgentServerParts) {
    this.#parts = parts;
    this.#streams = new HostStreams(parts, (error, host) => this.#status(error, host));
    this.#server.addService(parts.wire.service, {
      Join: this.#unary<message.JoinRequest, message.JoinResponse>(call =>
        parts.signing.join(call.request, this.#elsewhere(call)),
      ),
      Challenge: this.#unary<message.ChallengeRequest, message.ChallengeResponse>(async call => ({
        nonce: parts.signing.challenge(this.#member(call).name),
      })),
      Sign: this.#unary<message.SignRequest, message.SignResponse>(async call =>
        parts.signing.sign(this.#member(call), call.request),
      ),
      Report: this.#duplex<message.HostReportMessage, message.HostReportAck>((call, member) =>
        this.#streams.report(call, member),
      ),
      Subscribe: this.#duplex<message.DeltaRequest, message.DeltaResponse>((call, member) =>
        this.#streams.subscribe(call, member),
      ),
    });
  }

  /**
   * Listens, and serves until the signal aborts.
   * @param port 0 for any that is free.
   * @returns the port. @throws when it cannot listen there.
   */
  async listen(address: string, port: number, signal: AbortSignal): Promise<number> {
    const credentials = new ManagerCredentials(this.#parts.authority);
    const { clock, logger } = this.#parts;
    const bound = await bind(this.#server, { address, port }, credentials, logger);
    const { notAfter } = credentials;
    const renewed = { what: 'the certificate for agents', notAfter, renew: () => credentials.renew() };
    void keepFresh(renewed, { clock, logger }, signal);
    void this.#streams.watch(signal);
    signal.addEventListener('abort', () => this.#server.forceShutdown(), { once: true });
    if (signal.aborted) this.#server.forceShutdown();
    return bound;
  }

  /** Ends the streams of a host that was taken out, or joined anew: it is told why. */
  dismiss(host: string, why: string): void {
    this.#streams.dismiss(host, why);
  }

  #unary<Q, A>(answer: (call: ServerUnaryCall<Q, A>) => Promise<A>): UnaryCall<Q, A> {
    return (call, callback) => {
      new Promise<A>(resolve => resolve(answer(call))).then(
        value => callback(null, value),
        (error: unknown) => callback(this.#status(error, addressOf(call.getPeer()))),
      );
    };
  }

  #duplex<Q, A>(serve: (call: ServerDuplexStream<Q, A>, member: Member) => void): Duplex<Q, A> {
    return call => {
      call.on('error', () => undefined);
      try {
        serve(call, this.#member(call));
      } catch (error) {
        call.emit('error', this.#status(error, addressOf(call.getPeer())));
      }
    };
  }

  /** Where the host is connected from that a call is to make a member, if not from where the call comes. A broken line counts as long as the lease. */
  #elsewhere(call: Pick<ServerUnaryCall<message.JoinRequest, unknown>, 'request' | 'getPeer'>): string | undefined {
    const { host } = call.request;
    const from = this.#parts.hosts.get(host)?.alive ? this.#streams.reportsFrom(host) : undefined;
    return from === addressOf(call.getPeer()) ? undefined : from;
  }

  #member(call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>): Member {
    const { authority, members, clock } = this.#parts;
    const raw = call.getAuthContext().sslPeerCertificate?.raw;
    return memberOf({ raw }, authority.trustDomain, members, clock.now());
  }

  /** An error as gRPC sends it; a refusal is counted, anything else is ours and only logged. @param from the host, or its address. */
  #status(error: unknown, from: string): Error & { code: status; details: string; metadata: Metadata } {
    const metadata = new Metadata();
    if (!(error instanceof RefusalError)) {
      this.#parts.logger.error('an agent could not be served', { from, why: messageOf(error) });
      return Object.assign(new Error('internal'), {
        code: status.INTERNAL,
        details: 'the Manager failed; see its log',
        metadata,
      });
    }
    const { log, passedOver } = this.#parts.refusals.count(error.code, from, error.message);
    if (log)
      this.#parts.logger.warn('an agent was refused', {
        reason: error.code,
        from,
        why: error.message,
        ...(passedOver > 0 && { passedOver }),
      });
    metadata.set(REASON_KEY, error.code);
    const code = CODES[error.code] ?? status.PERMISSION_DENIED;
    return Object.assign(new Error(error.message), { code, details: error.message, metadata });
  }
}
