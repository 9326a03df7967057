import type { Host, Workload } from '../workload.ts';

/** The messages of `isthmus.proto` as they are handed around; fields without a comment are explained there. */
export interface JoinRequest {
  readonly token: string;
  readonly host: string;
  readonly csr: Uint8Array;
}

export interface JoinResponse {
  readonly certificateChain: string;
  readonly roots: string;
  readonly trustDomain: string;
}

export type ChallengeRequest = Readonly<Record<never, never>>;

export interface ChallengeResponse {
  readonly nonce: string;
}

export interface SignRequest {
  readonly csr: Uint8Array;
  readonly identity: string;
}

export interface SignResponse {
  readonly certificateChain: string;
  readonly roots: string;
}

/** Something that was refused, and the config objects that caused it. */
export interface Rejection {
  readonly resource: string;
  readonly reason: string;
  readonly origins: readonly string[];
}

/** What a host says of itself besides its workloads. */
export interface HostStatus {
  readonly rejections: readonly Rejection[];
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly agentVersion: string;
  readonly envoyVersion: string;
  readonly envoyConnected: boolean;
}

/** A workload together with what its host's proxy has in force for it. */
export interface ReportedWorkload extends Workload {
  /** Revision of the policy in force; empty before the first. */
  readonly policyRevision: string;
}

/** Absent parts have not changed since they were last sent on this stream. */
export interface HostReportMessage {
  readonly sequence: number;
  readonly host?: Host;
  /** The whole set. */
  readonly workloads?: readonly ReportedWorkload[];
  readonly status?: HostStatus;
}

export interface HostReportAck {
  readonly sequence: number;
  readonly leaseMs: number;
  readonly observedAddress: string;
  readonly refused: readonly Rejection[];
}

export interface DeltaRequest {
  readonly type: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: Readonly<Record<string, string>>;
  readonly nonce: string;
  readonly error: string;
  readonly refused: Readonly<Record<string, string>>;
}

/** A request that says nothing, to be filled in. */
export const NO_REQUEST: Omit<DeltaRequest, 'type'> = {
  subscribe: [],
  unsubscribe: [],
  initialVersions: {},
  nonce: '',
  error: '',
  refused: {},
};

export interface DeltaResource {
  readonly name: string;
  readonly version: string;
  readonly body: Uint8Array;
}

export interface DeltaResponse {
  readonly type: string;
  readonly nonce: string;
  readonly resources: readonly DeltaResource[];
  readonly removed: readonly string[];
}
