import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { codeOf, messageOf } from '../model/util/errors.ts';
import { http } from '../model/util/http.ts';
import { CommandError } from './command.ts';

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

/** Longest wait for an answer, milliseconds. */
const TIMEOUT_MS = 30_000;

/** Speaks over the socket in `runDir`, or over HTTPS to `url`. */
export const connectManager: Connect = address => ({
  async request(request, signal) {
    const target = targetOf(address);
    const until = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      return await exchange(target.options, request, until);
    } catch (error) {
      if (signal.aborted) throw new CommandError('Stopped', { cause: error });
      throw unreachable(target.name, error);
    }
  },
});

interface Target {
  readonly name: string;
  readonly options: RequestOptions & { readonly ca?: string };
}

function targetOf({ url, runDir, tokenFile, caFile }: ManagerAddress): Target {
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
      headers: { authorization: `Bearer ${readText(tokenFile).trim()}` },
      ...(caFile === undefined ? {} : { ca: readText(caFile) }),
    },
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
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

function unreachable(name: string, error: unknown): CommandError {
  const isSocket = name.startsWith('/');
  const code = codeOf(error);
  if (code === 'ENOENT')
    return new CommandError(`No Manager runs here: ${name} is not there`, {
      next: 'isthmus up, or --run-dir <its run directory>, or --manager https://<host>:15014; with an agent alone: isthmus status',
      cause: error,
    });
  if (code === 'ECONNREFUSED')
    return new CommandError(`No Manager answers at ${name}`, {
      next: isSocket ? 'isthmus up' : 'isthmus status, on the host of the Manager',
      cause: error,
    });
  if (code === 'EACCES')
    return new CommandError(`You may not open ${name}: it is for root`, { next: 'the same as root', cause: error });
  if (error instanceof Error && error.name === 'TimeoutError')
    return new CommandError(`The Manager at ${name} did not answer within ${TIMEOUT_MS / 1000} s`, { cause: error });
  return new CommandError(`Cannot speak to the Manager at ${name}: ${messageOf(error)}`, { cause: error });
}
