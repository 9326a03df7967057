import type { ServerResponse } from 'node:http';
import { kindOfResource, kinds } from '../config/index.ts';
import type { Kind } from '../config/kind.ts';
import { configKey } from '../config/stored.ts';
import { isRecord, nearest } from '../model/util/fields.ts';
import type { Store } from '../store/store.ts';
import type { ObjectRef } from './object-ref.ts';
import type { ConfigObjects, WriteOptions, Written } from './objects.ts';
import { representAll } from './representation.ts';
import { type ApiRequest, decodePart, isTrue, parseBody, parseObject } from './request.ts';
import { filterOf } from './selectors.ts';
import { ApiError, sendJson } from './status.ts';
import { isChosen, streamWatch } from './watch.ts';

/** Longest time that a watch lasts, milliseconds; clients begin anew then. */
const WATCH_MS = 30 * 60_000;

/** What a path below `/apis` names. */
interface Target {
  readonly kind: Kind;
  readonly apiVersion: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** What the routes need. */
export interface ConfigRoutesOptions {
  readonly store: Store;
  readonly objects: ConfigObjects;
  /** Takes one of the places for watches, until the signal aborts or the watch ends. @throws {ApiError} when there is none. */
  readonly takeWatchPlace: () => Disposable;
  /** What a person should know of the object that was just written, such as a subset that no rule defines. */
  readonly warnings: (object: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  }) => Promise<readonly string[]>;
}

/** Answers a request below `/apis/<group>/<version>/`. @throws {ApiError} */
export async function configRoute(
  options: ConfigRoutesOptions,
  request: ApiRequest,
  response: ServerResponse,
): Promise<void> {
  const target = targetOf(request.path);
  if (target.name === undefined) return collectionRoute(options, target, request, response);
  const ref: ObjectRef = { ...target, namespace: target.namespace!, name: target.name };
  switch (request.method) {
    case 'GET':
      return sendJson(response, 200, await options.objects.get(ref));
    case 'PUT':
      return written(
        options,
        ref,
        await options.objects.replace(ref, parseObject(request), writeOptions(request)),
        response,
      );
    case 'PATCH':
      return written(options, ref, await patch(options.objects, ref, request), response);
    case 'DELETE':
      return remove(options.objects, ref, request, response);
    default:
      throw new ApiError(405, `${request.method} is not possible here; GET, PUT, PATCH and DELETE are`);
  }
}

function targetOf(path: string): Target {
  const [group, version, ...rest] = path.slice('/apis/'.length).split('/').map(decodePart);
  const hasNamespace = rest[0] === 'namespaces' && rest.length >= 3;
  const [namespace, plural, name, ...more] = hasNamespace ? rest.slice(1) : [undefined, ...rest];
  const kind = kindOfResource(group ?? '', plural ?? '');
  if (!kind || !version || !kind.versions.includes(version) || more.length > 0) {
    const near = nearest(
      plural ?? '',
      kinds.map(known => known.plural),
    );
    throw new ApiError(404, `There is nothing at ${path}${near === undefined ? '' : `; did you mean "${near}"?`}`);
  }
  if (name !== undefined && namespace === undefined)
    throw new ApiError(404, `There is nothing at ${path}: name the namespace`);
  return {
    kind,
    apiVersion: `${group}/${version}`,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

async function collectionRoute(
  options: ConfigRoutesOptions,
  target: Target,
  request: ApiRequest,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'POST') {
    if (target.namespace === undefined) throw new ApiError(405, 'Objects are made in a namespace: POST to its path');
    const ref = { ...target, namespace: target.namespace };
    const result = await options.objects.create(ref, parseObject(request), writeOptions(request));
    return written(options, { ...ref, name: result.object.metadata.name }, result, response);
  }
  if (request.method !== 'GET') throw new ApiError(405, `${request.method} is not possible here; GET and POST are`);
  if (isTrue(request.query, 'watch')) return watch(options, target, request, response);
  const filter = filterOf(request.query);
  const { entries, revision } = await options.store.list(configKey(target.kind, target.namespace));
  const { objects, damaged } = representAll(entries, target.apiVersion);
  warn(response, damaged);
  sendJson(response, 200, {
    kind: `${target.kind.kind}List`,
    apiVersion: target.apiVersion,
    metadata: { resourceVersion: String(revision) },
    items: objects.filter(object => isChosen(object, filter)),
  });
}

async function watch(
  { store, takeWatchPlace }: ConfigRoutesOptions,
  target: Target,
  { query, signal }: ApiRequest,
  response: ServerResponse,
): Promise<void> {
  const timeoutMs = watchMsOf(query);
  using _place = takeWatchPlace();
  await streamWatch(
    store,
    {
      ...target,
      filter: filterOf(query),
      resourceVersion: query.get('resourceVersion') ?? '',
      timeoutMs,
    },
    response,
    signal,
  );
}

/** How long a watch lasts, milliseconds; 0 asks for no limit of its own, as with Kubernetes. @throws {ApiError} */
function watchMsOf(query: URLSearchParams): number {
  const asked = query.get('timeoutSeconds') ?? '0';
  if (!/^\d+$/.test(asked))
    throw new ApiError(400, `timeoutSeconds "${asked}" is no whole number of seconds; write one, such as 300`);
  return Number(asked) > 0 ? Math.min(WATCH_MS, Number(asked) * 1_000) : WATCH_MS;
}

async function patch(objects: ConfigObjects, ref: ObjectRef, request: ApiRequest): Promise<Written> {
  const options = writeOptions(request);
  switch (request.contentType) {
    case 'application/merge-patch+json':
      return objects.merge(ref, parseObject(request), options);
    case 'application/json-patch+json':
      return objects.patch(ref, parseBody(request), options);
    case 'application/apply-patch+yaml':
      if (!request.query.get('fieldManager'))
        throw new ApiError(400, 'fieldManager is missing: apply with ?fieldManager=<who>');
      return objects.apply(ref, parseObject(request), options);
    default:
      throw new ApiError(
        415,
        `A patch of type "${request.contentType}" is not understood; send application/merge-patch+json, application/json-patch+json or application/apply-patch+yaml`,
      );
  }
}

async function remove(
  objects: ConfigObjects,
  ref: ObjectRef,
  request: ApiRequest,
  response: ServerResponse,
): Promise<void> {
  const options = request.body === '' ? {} : parseObject(request);
  const preconditions = isRecord(options['preconditions']) ? options['preconditions'] : {};
  const text = (name: string): string | undefined =>
    typeof preconditions[name] === 'string' ? preconditions[name] : undefined;
  const dryRun = request.query.has('dryRun') || Array.isArray(options['dryRun']);
  const uid = await objects.delete(ref, { dryRun }, text('resourceVersion'), text('uid'));
  sendJson(response, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: ref.name, group: ref.kind.group, kind: ref.kind.plural, uid },
  });
}

function writeOptions({ query, userAgent }: ApiRequest): WriteOptions {
  const dryRun = query.getAll('dryRun');
  if (dryRun.some(value => value !== 'All'))
    throw new ApiError(400, `dryRun "${dryRun.join(',')}" is not known; "All" is`);
  const manager = query.get('fieldManager') || userAgent;
  return { manager: manager.slice(0, 128), force: isTrue(query, 'force'), dryRun: dryRun.length > 0 };
}

async function written(
  options: ConfigRoutesOptions,
  ref: ObjectRef,
  { object, isNew }: Written,
  response: ServerResponse,
): Promise<void> {
  // What a dry run would change is not stored: what is stored would be warned of.
  const isStored = 'resourceVersion' in object.metadata;
  const warnings = isStored
    ? await options.warnings({ kind: ref.kind.kind, namespace: ref.namespace, name: ref.name })
    : [];
  warn(response, warnings);
  sendJson(response, isNew ? 201 : 200, object);
}

/** Clients take so many bytes of headers and no more (Node's 16 KiB): they would not see that the object was written. */
const WARNINGS_BYTES = 8_000;
const WARNING_LENGTH = 1_000;

function warn(response: ServerResponse, warnings: readonly string[]): void {
  for (const header of warningHeaders(warnings)) response.appendHeader('warning', header);
}

function warningHeaders(warnings: readonly string[]): readonly string[] {
  const headers: string[] = [];
  let bytes = 0;
  for (const warning of warnings) {
    const header = warningHeader(warning.slice(0, WARNING_LENGTH));
    bytes += header.length;
    if (bytes > WARNINGS_BYTES)
      return [...headers, warningHeader(`and ${warnings.length - headers.length} more; see: isthmus status`)];
    headers.push(header);
  }
  return headers;
}

function warningHeader(text: string): string {
  return `299 - "${text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&')}"`;
}
