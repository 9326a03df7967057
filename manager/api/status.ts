import type { ServerResponse } from 'node:http';
import { ConfigError, describeFieldError, messageOf } from '../model/util/errors.ts';
import { CompactedError, ConflictError, StoreError } from '../store/store.ts';

/** One cause in a `Status`: a field and what is wrong with it. */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** What a `Status` is about. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** Reasons of Kubernetes' API (k8s.io/apimachinery, meta/v1 StatusReason) by HTTP status. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** A request that is answered with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(status: number, message: string, options: { reason?: string; details?: StatusDetails } = {}) {
    super(message);
    this.status = status;
    this.reason = options.reason ?? REASONS[status] ?? 'Unknown';
    this.details = options.details;
  }
}

/** The answer that anything thrown becomes. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ConfigError) return invalid(error);
  if (error instanceof ConflictError)
    return new ApiError(409, `${error.message}; read it again, and change what is there now`);
  if (error instanceof CompactedError) return new ApiError(410, error.message);
  if (error instanceof StoreError && error.code === 'TOO_LARGE') return new ApiError(413, error.message);
  if (error instanceof StoreError) return new ApiError(503, messageOf(error));
  return new ApiError(500, 'The Manager failed at this; its log says more');
}

function invalid(error: ConfigError): ApiError {
  const causes = error.errors.map(({ path, message, hint }) => ({
    reason: message === 'is missing' ? 'FieldValueRequired' : 'FieldValueInvalid',
    message: hint === undefined ? message : `${message}; ${hint}`,
    field: path,
  }));
  return new ApiError(422, error.errors.map(describeFieldError).join('; '), { details: { causes } });
}

/** The `Status` object of an error. */
export function statusObject(error: ApiError): Readonly<Record<string, unknown>> {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: error.message,
    reason: error.reason,
    ...(error.details === undefined ? {} : { details: error.details }),
    code: error.status,
  };
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.byteLength });
  response.end(bytes);
}
