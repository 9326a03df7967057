import type { ServerResponse } from 'node:http';
import { patternProblem } from '../hosts/allowed.ts';
import { HOST_NAME_RULE, isHostName } from '../model/host-name.ts';
import { ConfigError } from '../model/util/errors.ts';
import { Fields, isRecord } from '../model/util/fields.ts';
import type { HostRemoval } from './host-removal.ts';
import type { Inspect } from './inspect.ts';
import { type MeshStatus, meshStatus } from './mesh-status.ts';
import { type ApiRequest, decodePart, isTrue, parseObject } from './request.ts';
import { ApiError, sendJson } from './status.ts';
import type { TokenRequest, Tokens } from './tokens.ts';

/** What the routes need. */
export interface IsthmusRoutesOptions {
  readonly inspect: Inspect;
  readonly tokens: Tokens;
  readonly removal: HostRemoval;
  readonly config: () => Promise<MeshStatus['config']>;
}

const LONGEST_TTL_MS = 30 * 24 * 3_600_000;
const DEFAULT_TTL_MS = 3_600_000;

/** Answers a request below `/isthmus/v1/`. @throws {ApiError} */
export async function isthmusRoute(
  options: IsthmusRoutesOptions,
  request: ApiRequest,
  response: ServerResponse,
): Promise<void> {
  const [resource = '', name, ...more] = request.path.slice('/isthmus/v1/'.length).split('/');
  if (resource === 'tokens' && more.length === 0) return tokensRoute(options.tokens, name, request, response);
  if (resource === 'hosts' && name !== undefined && more.length === 0)
    return hostRoute(options, name, request, response);
  if (name !== undefined) throw nothingAt(request.path);
  if (request.method !== 'GET') throw new ApiError(405, `${request.method} is not possible here; GET is`);
  const { inspect } = options;
  switch (resource) {
    case 'services':
      return sendJson(response, 200, { items: inspect.services() });
    case 'hosts':
      return sendJson(response, 200, { items: inspect.hosts() });
    case 'workloads':
      return sendJson(response, 200, { items: inspect.workloads() });
    case 'registries':
      return sendJson(response, 200, { items: inspect.registries() });
    case 'status':
      return sendJson(response, 200, meshStatus(inspect, await options.config()));
    default:
      throw nothingAt(request.path);
  }
}

function nothingAt(path: string): ApiError {
  return new ApiError(
    404,
    `There is nothing at ${path}; services, hosts, workloads, registries, status and tokens are below /isthmus/v1`,
  );
}

async function tokensRoute(
  tokens: Tokens,
  id: string | undefined,
  request: ApiRequest,
  response: ServerResponse,
): Promise<void> {
  if (id !== undefined && request.method === 'DELETE') {
    const revocation = await tokens.revoke(decodePart(id));
    if (revocation === 'revoked') return sendJson(response, 200, { revoked: id });
    if (revocation === 'unknown') throw new ApiError(404, `There is no token "${id}"`);
    const { usedBy } = revocation;
    throw new ApiError(
      409,
      `Token "${id}" was used by ${usedBy} already; take the host out with: isthmus hosts remove ${usedBy}`,
    );
  }
  if (id === undefined && request.method === 'GET') return sendJson(response, 200, { items: await tokens.list() });
  if (id === undefined && request.method === 'POST')
    return sendJson(response, 201, await tokens.create(readTokenRequest(parseObject(request))));
  throw new ApiError(405, `${request.method} is not possible here; GET, POST, and DELETE of one token are`);
}

async function hostRoute(
  { inspect, removal }: Pick<IsthmusRoutesOptions, 'inspect' | 'removal'>,
  encoded: string,
  request: ApiRequest,
  response: ServerResponse,
): Promise<void> {
  const name = decodePart(encoded);
  const host = inspect.hosts().find(one => one.name === name);
  const direct = request.method === 'DELETE' && isTrue(request.query, 'direct');
  if (!host && !direct) throw new ApiError(404, `There is no host "${name}"`);
  if (request.method === 'GET') return sendJson(response, 200, host);
  if (request.method !== 'DELETE')
    throw new ApiError(405, `${request.method} is not possible here; GET and DELETE are`);
  if (host?.lease.state === 'held' && !isTrue(request.query, 'force'))
    throw new ApiError(
      409,
      `Host "${name}" is connected: stop its agent first, or remove it all the same with force=true`,
    );
  const removed = await removal.remove(name, direct);
  if (!removed) throw new ApiError(404, `There is no host "${name}"`);
  sendJson(response, 200, removed);
}

/** @throws {ConfigError} */
function readTokenRequest(body: Record<string, unknown>): TokenRequest {
  const fields = new Fields(isRecord(body) ? body : {}, '');
  const host = fields.string('host');
  if (host !== undefined && !isHostName(host)) fields.fail('host', `"${host}" is no host name`, HOST_NAME_RULE);
  const identities = fields.strings('identities', patternProblem);
  if (identities === undefined || identities.length === 0)
    fields.fail('identities', 'is missing', 'say what the host may be, such as ["default/*"]');
  const ttlMs = fields.number('ttlMs', 1_000, LONGEST_TTL_MS) ?? DEFAULT_TTL_MS;
  fields.unknown();
  if (fields.errors.length > 0) throw new ConfigError('the token request', fields.errors);
  return { ...(host === undefined ? {} : { host }), identities: identities ?? [], ttlMs };
}
