import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Kind } from '../config/kind.ts';
import { configKey } from '../config/stored.ts';
import type { Store, StoreChange } from '../store/store.ts';
import { type ApiObject, representAll, representGone } from './representation.ts';
import type { ObjectFilter } from './selectors.ts';
import { ApiError, apiErrorOf, statusObject } from './status.ts';

/** What a watch is over. */
export interface WatchRequest {
  readonly kind: Kind;
  readonly apiVersion: string;
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly filter: ObjectFilter;
  /** As the caller gave it; empty or "0": begin with what is there. */
  readonly resourceVersion: string;
  /** Ends by itself after so long. */
  readonly timeoutMs: number;
}

/** Writes newline-delimited events until the caller goes away, the time is over, or history is lost (an ERROR event with code 410). */
export async function streamWatch(
  store: Store,
  request: WatchRequest,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  if (!/^\d{0,15}$/.test(request.resourceVersion))
    throw new ApiError(400, `resourceVersion "${request.resourceVersion}" is none that this server gave`);
  const until = AbortSignal.any([signal, AbortSignal.timeout(request.timeoutMs)]);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const send = async (type: string, object: unknown): Promise<void> => {
    // A slow reader is waited for; meanwhile nothing is queued, the store's history holds it.
    if (!response.write(`${JSON.stringify({ type, object })}\n`)) await once(response, 'drain', { signal: until });
  };
  try {
    for await (const [type, object] of events(store, request, until)) await send(type, object);
  } catch (error) {
    if (!until.aborted) await send('ERROR', statusObject(apiErrorOf(error)));
  }
  response.end();
}

type Event = readonly [type: 'ADDED' | 'MODIFIED' | 'DELETED', object: ApiObject];

async function* events(store: Store, request: WatchRequest, signal: AbortSignal): AsyncGenerator<Event, void, void> {
  const prefix = configKey(request.kind, request.namespace);
  let after = Number(request.resourceVersion);
  if (after === 0) {
    const { entries, revision } = await store.list(prefix);
    for (const object of representAll(entries, request.apiVersion).objects)
      if (isChosen(object, request.filter)) yield ['ADDED', object];
    after = revision;
  }
  for await (const change of store.watch(prefix, after, signal)) {
    const event = eventOf(change, request);
    if (event) yield event;
  }
}

/**
 * An object whose labels are not chosen may have been before the change, or before it was deleted: then, too, a deletion is told. So it is of
 * one that was damaged in the store, as a list leaves it out.
 */
function eventOf(change: StoreChange, { kind, apiVersion, filter }: WatchRequest): Event | undefined {
  const { key, revision } = change.type === 'put' ? change.entry : change;
  const [there] = change.type === 'put' ? representAll([change.entry], apiVersion).objects : [];
  const object = there ?? representGone(kind, key, apiVersion, revision);
  if (!filter.byName(object.metadata)) return undefined;
  const isNew = change.type === 'put' && change.entry.createdRevision === revision;
  if (there && isChosen(there, filter)) return [isNew ? 'ADDED' : 'MODIFIED', there];
  return isNew ? undefined : ['DELETED', object];
}

/** Whether a filter chooses an object. */
export function isChosen({ metadata }: ApiObject, filter: ObjectFilter): boolean {
  return filter.byName(metadata) && filter.byLabels(metadata.labels);
}
