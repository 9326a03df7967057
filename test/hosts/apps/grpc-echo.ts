import type { handleServerStreamingCall, handleUnaryCall, ServiceDefinition } from '@grpc/grpc-js';

const identity = (bytes: Buffer): Buffer => bytes;
const BYTES = {
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
} as const;

/** A gRPC service whose messages are plain texts. */
export const ECHO: ServiceDefinition<EchoHandlers> = {
  Say: { path: '/test.Echo/Say', requestStream: false, responseStream: false, ...BYTES },
  Count: { path: '/test.Echo/Count', requestStream: false, responseStream: true, ...BYTES },
};

// An interface has no index signature, which grpc-js wants of handlers.
export type EchoHandlers = {
  /** Answers `<instance>: <text>`; NOT_FOUND to `missing`. */
  readonly Say: handleUnaryCall<Buffer, Buffer>;
  /** Counts to a number, a message each. */
  readonly Count: handleServerStreamingCall<Buffer, Buffer>;
};
