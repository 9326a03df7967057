import type { RejectionStatus } from './rejection.ts';

/** Why a workload is not in the mesh yet, or that it is. */
export type WorkloadState =
  | 'joined'
  /** The Manager has not said which policy holds for it. */
  | 'waiting for policy'
  /** No certificate for its identity has come. */
  | 'waiting for certificate'
  /** The proxy has not taken its listeners. */
  | 'waiting for proxy';

/** What a host knows of itself; the answer of `GET /status` on the agent's socket. Times are milliseconds since 1970. */
export interface AgentStatus {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  readonly manager: {
    readonly address: string;
    readonly connected: boolean;
    /** Why not. */
    readonly reason?: string;
    /** When something last came from it. */
    readonly lastHeard?: number;
  };
  readonly envoy: {
    readonly pid?: number;
    readonly connected: boolean;
    readonly version: string;
    readonly restarts: number;
    /** What is wrong with it, if anything: it does not answer, or runs with earlier settings. */
    readonly reason?: string;
  };
  readonly workloads: readonly {
    readonly uid: string;
    readonly identity: string;
    readonly state: WorkloadState;
    readonly outboundPort: number;
    /** End of its certificate. */
    readonly certificateExpires?: number;
    /** Why no new certificate came although one is due; the one that it has, if any, is used to its end. */
    readonly certificateReason?: string;
    readonly policyRevision?: string;
  }[];
  /** Canonical hostnames of the services this host holds. */
  readonly services: readonly string[];
  readonly redirect: {
    /** Whether calls of workloads are captured. */
    readonly active: boolean;
    /** Why not, or why by rules that were made before what is wanted now. */
    readonly reason?: string;
  };
  /** Config that the proxy or the compiler refused, each with the objects it came from. */
  readonly rejections: readonly RejectionStatus[];
  /** What platforms found and cannot use, what policy refuses and still stands, what is asked of the host too often. */
  readonly problems: readonly { readonly where: string; readonly why: string }[];
}
