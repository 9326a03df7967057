import {
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  makeClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { spiffeIdInNames } from '../../auth/ca/peer.ts';
import { parseManagerSpiffeId } from '../../auth/identity.ts';
import type {
  ChallengeRequest,
  ChallengeResponse,
  DeltaRequest,
  DeltaResponse,
  HostReportAck,
  HostReportMessage,
  JoinRequest,
  JoinResponse,
  SignRequest,
  SignResponse,
} from '../../manager/model/proto/messages.ts';
import type { Wire } from '../../manager/model/proto/wire.ts';

type Answer<T> = (error: ServiceError | null, value?: T) => void;
type Unary<Request, Response> = (
  request: Request,
  options: { deadline: number },
  answer: Answer<Response>,
) => { cancel(): void };

/** The calls of `isthmus.proto` as grpc-js makes them. */
export interface ManagerClient {
  readonly Join: Unary<JoinRequest, JoinResponse>;
  readonly Challenge: Unary<ChallengeRequest, ChallengeResponse>;
  readonly Sign: Unary<SignRequest, SignResponse>;
  Report(): ClientDuplexStream<HostReportMessage, HostReportAck>;
  Subscribe(): ClientDuplexStream<DeltaRequest, DeltaResponse>;
  waitForReady(deadline: number, done: (error?: Error) => void): void;
  close(): void;
}

/** Whom to talk to, and as whom. */
export interface ManagerPeer {
  /** `10.0.0.1:15012`. */
  readonly address: string;
  /** PEM certificates to trust. */
  readonly roots: string;
  /** Trust domain that the Manager's certificate must be of; any when absent (first contact, where the root is pinned). */
  readonly trustDomain?: string;
  /** PEM; absent at first contact. */
  readonly key?: string;
  readonly chain?: string;
}

/** Sent as SNI: an address must not stand there, and the Manager is known by its SPIFFE ID anyway. */
export const MANAGER_SNI = 'manager.isthmus';

/** A stream that is dead is noticed within ten seconds, as fast as a lease. */
const OPTIONS: ClientOptions = {
  'grpc.ssl_target_name_override': MANAGER_SNI,
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
};

/** A client of one Manager. Nothing is sent before the first call. */
export function managerClient(wire: Wire, peer: ManagerPeer): ManagerClient {
  const Client = makeClientConstructor(wire.service, 'Manager');
  return new Client(peer.address, channelCredentials(peer), OPTIONS) as unknown as ManagerClient;
}

function channelCredentials({ roots, key, chain, trustDomain }: ManagerPeer): ChannelCredentials {
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  return credentials.createSsl(Buffer.from(roots), pem(key), pem(chain), {
    // The chain was checked against the roots before this; what remains is that it is the Manager and not a workload.
    checkServerIdentity: (_, certificate) => notTheManager(certificate.subjectaltname, trustDomain),
  });
}

/** An error unless the names of a certificate are those of a Manager of the trust domain. */
export function notTheManager(names: string | undefined, trustDomain: string | undefined): Error | undefined {
  const found = parseManagerSpiffeId(spiffeIdInNames(names) ?? '');
  if (found !== undefined && (trustDomain === undefined || found === trustDomain)) return undefined;
  const wanted = trustDomain === undefined ? 'a Manager' : `the Manager of ${trustDomain}`;
  return new Error(`the certificate is for ${names ?? 'no name'}, which is not ${wanted}`);
}

/** Makes a unary call. @throws the service's error, or the signal's reason when it aborts. */
export async function call<Request, Response>(
  client: ManagerClient,
  method: (client: ManagerClient) => Unary<Request, Response>,
  request: Request,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<Response> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const running = method(client).call(client, request, { deadline: Date.now() + deadlineMs }, (error, value) => {
    // The message is for people; the number and name of the status before it are not, and stand in `code`.
    if (error) reject(Object.assign(error, { message: error.details || error.message }));
    else resolve(value!);
  });
  const abort = (): void => {
    running.cancel();
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Resolves when the Manager is connected. @throws with what is wrong after the deadline, or when the signal aborts. */
export async function connected(
  client: ManagerClient,
  address: string,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  client.waitForReady(Date.now() + deadlineMs, error => {
    if (error) reject(new Error(`the Manager at ${address} does not answer within ${deadlineMs} ms`, { cause: error }));
    else resolve();
  });
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
