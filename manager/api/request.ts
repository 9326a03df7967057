import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import { codeOf, messageOf } from '../model/util/errors.ts';
import { isNestedTooDeep, TOO_DEEP, YAML_TOO_DEEP } from '../model/util/nesting.ts';
import { ApiError } from './status.ts';

/** Bytes that a request's body may have. */
export const MAXIMUM_BODY_BYTES: number = 1024 * 1024;

/** A request with its body read. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Media type of the body, without its parameters. */
  readonly contentType: string;
  readonly body: string;
  /** Who writes, when the query does not say: the program of the user agent. */
  readonly userAgent: string;
  /** Aborts when the caller goes away or the server closes. */
  readonly signal: AbortSignal;
}

/** Reads a request whole. @throws {ApiError} when it is malformed or too large. */
export async function readRequest(message: IncomingMessage, signal: AbortSignal): Promise<ApiRequest> {
  const url = URL.parse(message.url ?? '/', 'http://manager');
  if (!url) throw new ApiError(400, `"${message.url}" is no path`);
  return {
    method: message.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    contentType: (message.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase(),
    body: await readBody(message),
    userAgent: /^[^/\s]*/.exec(message.headers['user-agent'] ?? '')?.[0] || 'unknown',
    signal,
  };
}

/** What a part of a path says. @throws {ApiError} when it is no text. */
export function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ApiError(
      400,
      `"${part}" is no part of a path: a % begins two hexadecimal digits of UTF-8; write %25 for a % itself`,
    );
  }
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  if (Number(message.headers['content-length'] ?? 0) > MAXIMUM_BODY_BYTES) throw tooLarge();
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAXIMUM_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge(): ApiError {
  return new ApiError(413, `The body is larger than ${MAXIMUM_BODY_BYTES} bytes`);
}

const JSON_TYPES = ['', 'application/json', 'application/merge-patch+json', 'application/json-patch+json'];
const YAML_TYPES = ['application/yaml', 'application/apply-patch+yaml'];

/** The body as JSON or YAML; undefined when it is empty. @throws {ApiError} */
export function parseBody(request: ApiRequest): unknown {
  const { body, contentType } = request;
  if (body === '') return undefined;
  const isJson = JSON_TYPES.includes(contentType);
  if (!isJson && !YAML_TYPES.includes(contentType))
    throw new ApiError(
      415,
      `A body of type "${contentType}" is not understood; send application/json or application/yaml`,
    );
  const value = isJson ? parsed(() => JSON.parse(body)) : parsed(() => parse(body, { maxAliasCount: 100 }));
  if (isNestedTooDeep(value)) throw unreadable(TOO_DEEP);
  return value;
}

function parsed(parseIt: () => unknown): unknown {
  try {
    return parseIt();
  } catch (error) {
    throw unreadable(codeOf(error) === YAML_TOO_DEEP ? TOO_DEEP : messageOf(error).split('\n')[0]!);
  }
}

function unreadable(why: string): ApiError {
  return new ApiError(400, `The body cannot be read: ${why}`);
}

/** The body as a map of fields. @throws {ApiError} */
export function parseObject(request: ApiRequest): Record<string, unknown> {
  const value = parseBody(request);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ApiError(400, 'The body must be an object');
}

/** Whether a query parameter is set to true. */
export function isTrue(query: URLSearchParams, name: string): boolean {
  return ['true', '1'].includes(query.get(name) ?? '');
}
