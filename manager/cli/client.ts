import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { http } from '../model/util/http.ts';
import { unanswered, unreachable } from './client-errors.ts';
import { CommandError } from './command.ts';
import { readText } from './read-text.ts';

/** Which Manager a command speaks to. */
export interface ManagerAddress {
  /** Directory of `manager.sock`; used unless a URL is given. */
  readonly runDir?: string;
  /** Such as `https://127.0.0.1:15014`. */
  readonly url?: string;
  /** File with the bearer token for the URL. */
  readonly tokenFile?: string;
  /** PEM file with the root that the URL's certificate must come from. */
  readonly caFile?: string;
}

/** A call of the REST API. */
export interface ManagerRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with its query, such as `/isthmus/v1/services`. */
  readonly path: string;
  /** Sent as JSON, which is YAML too. */
  readonly body?: unknown;
  /** `application/json` unless said. */
  readonly contentType?: string;
}

/** What came of a call. */
export interface ManagerAnswer {
  readonly status: number;
  /** The JSON that it answered with. */
  readonly body: unknown;
  /** What the Manager wants a person to know, though it did what it was asked. */
  readonly warnings: readonly string[];
}

/** Speaks to the Manager's API. */
export interface ManagerClient {
  /** @throws {CommandError} when the Manager cannot be reached; an answer with an error status is returned. */
  request(request: ManagerRequest, signal: AbortSignal): Promise<ManagerAnswer>;
}

/** Opens a Manager. Nothing is sent before the first call. */
export type Connect = (address: ManagerAddress) => ManagerClient;

/** Longest wait for an answer, milliseconds; for what the Manager beside us knows by heart it is shorter. */
const TIMEOUT_MS = 30_000;
const LOCAL_READ_MS = 10_000;

/** Speaks over the socket in `runDir`, or over HTTPS to `url`. @param timeoutMs longest wait for an answer. */
export function connectManager(address: ManagerAddress, timeoutMs?: number): ManagerClient {
  return {
    async request(request, signal) {
      const target = await targetOf(address, signal);
      const isLocalRead = address.url === undefined && (request.method ?? 'GET') === 'GET';
      const limitMs = timeoutMs ?? (isLocalRead ? LOCAL_READ_MS : TIMEOUT_MS);
      const limit = AbortSignal.timeout(limitMs);
      try {
        return await exchange(target.options, request, AbortSignal.any([signal, limit]));
      } catch (error) {
        if (signal.aborted) throw new CommandError('Stopped', { cause: error });
        throw limit.aborted ? unanswered(target.name, limitMs, error) : unreachable(target.name, address.caFile, error);
      }
    },
  };
}

interface Target {
  readonly name: string;
  readonly options: RequestOptions & { readonly ca?: string };
}

async function targetOf({ url, runDir, tokenFile, caFile }: ManagerAddress, signal: AbortSignal): Promise<Target> {
  if (url === undefined) {
    const socketPath = join(runDir ?? '/run/isthmus', 'manager.sock');
    return { name: socketPath, options: { socketPath } };
  }
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'https:')
    throw new CommandError(`"${url}" is no address of a Manager; write https://<host>:15014`, { exitCode: 2 });
  if (tokenFile === undefined)
    throw new CommandError(`${url} asks for the admin token`, {
      exitCode: 2,
      next: '--token-file <a copy of admin-token in the state directory of the Manager>',
    });
  return {
    name: url,
    options: {
      protocol: 'https:',
      hostname: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: parsed.port || 15_014,
      headers: { authorization: `Bearer ${await tokenIn(tokenFile, signal)}` },
      ...(caFile === undefined ? {} : { ca: await readText(caFile, signal) }),
    },
  };
}

/** @throws {CommandError} */
async function tokenIn(file: string, signal: AbortSignal): Promise<string> {
  const token = (await readText(file, signal)).trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CommandError(`${file} holds no admin token`, {
    next: 'a copy of admin-token in the state directory of the Manager',
  });
}

async function exchange(
  options: Target['options'],
  request: ManagerRequest,
  signal: AbortSignal,
): Promise<ManagerAnswer> {
  const { method = 'GET', path, contentType = 'application/json' } = request;
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const headers = {
    ...(options.headers as Record<string, string> | undefined),
    'user-agent': 'isthmus',
    ...(body === undefined ? {} : { 'content-type': contentType, 'content-length': body.byteLength }),
  };
  const send = options.protocol === 'https:' ? httpsRequest : http.request;
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    send({ ...options, method, path, headers, signal }, resolve)
      .on('error', reject)
      .end(body);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return {
    status: message.statusCode ?? 0,
    body: text === '' ? undefined : JSON.parse(text),
    warnings: warningsOf(message),
  };
}

function warningsOf(message: IncomingMessage): string[] {
  const lines = message.headersDistinct['warning'] ?? [];
  return lines.map(line => (/^299 \S+ "(.*)"$/.exec(line)?.[1] ?? line).replaceAll(/\\(["\\])/g, '$1'));
}
