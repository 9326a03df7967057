import { RefusalError } from '../hosts/refusal.ts';
import type { DeltaRequest, DeltaResponse } from '../model/proto/messages.ts';
import type { Wire } from '../model/proto/wire.ts';
import { RESOURCE_TYPES, type ResourceType } from '../model/proto/wire.ts';
import { messageOf } from '../model/util/errors.ts';
import { type Logger, silentLogger } from '../model/util/log.ts';
import { ResourceCache, type ResourceKey, type ResourceSource } from './resources.ts';
import { Subscription } from './subscription.ts';

/** One host's stream. */
interface Stream {
  readonly host: string;
  readonly send: (response: DeltaResponse) => void;
  readonly subscriptions: Map<ResourceType, Subscription>;
}

/** A stream as its owner sees it. */
export interface HostStream {
  /** @throws {RefusalError} when the host asks for what is not its own. */
  receive(request: DeltaRequest): void;
  /** Types by when a response was sent that has not been acknowledged, milliseconds since 1970. */
  waiting(): ReadonlyMap<ResourceType, number>;
  close(): void;
}

export interface PublisherOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly logger?: Logger;
}

/** Sends each host what it subscribed to, when it changes. A change costs work for the hosts that use what changed. */
export class Publisher {
  readonly #cache: ResourceCache;
  readonly #source: ResourceSource;
  readonly #now: () => number;
  /** By type and name, who asked by name. */
  readonly #byName = new Map<string, Set<Stream>>();
  /** By type, who wants all of it. */
  readonly #wildcards = new Map<ResourceType, Set<Stream>>(RESOURCE_TYPES.map(type => [type, new Set()]));
  readonly #byHost = new Map<string, Stream>();
  #sent = 0;

  constructor(source: ResourceSource, wire: Wire, options: PublisherOptions) {
    this.#source = source;
    const { logger = silentLogger } = options;
    this.#cache = new ResourceCache(source, wire, (key, error) => {
      logger.error('a resource cannot be sent; what hosts have of it stays', { ...key, why: messageOf(error) });
    });
    this.#now = options.now;
  }

  /** What was done since the start, and how much is kept; for tests. */
  get work(): { readonly encodings: number; readonly responses: number; readonly cached: number } {
    return { encodings: this.#cache.encodings, responses: this.#sent, cached: this.#cache.size };
  }

  /** Opens a host's stream; one that it had is forgotten. */
  open(host: string, send: (response: DeltaResponse) => void): HostStream {
    const stream: Stream = { host, send, subscriptions: new Map() };
    this.#close(this.#byHost.get(host));
    this.#byHost.set(host, stream);
    return {
      receive: request => this.#receive(stream, request),
      waiting: () => waiting(stream),
      close: () => this.#close(stream),
    };
  }

  /** Tells that these may have changed. Whoever holds one that did gets it at once, or when its host is ready. */
  changed(keys: Iterable<ResourceKey>): void {
    const due = new Map<Stream, Set<ResourceType>>();
    for (const { type, name } of keys) {
      const streams = this.#interested(type, name);
      if (streams.length === 0) {
        this.#cache.drop(type, name);
        continue;
      }
      this.#cache.refresh(type, name);
      for (const stream of streams) {
        stream.subscriptions.get(type)?.mark(name);
        due.set(stream, (due.get(stream) ?? new Set()).add(type));
      }
    }
    for (const [stream, types] of due) for (const type of types) this.#flush(stream, type);
  }

  /** What a host subscribes to, by type. */
  subscriptions(host: string): ReadonlyMap<ResourceType, Subscription> {
    return this.#byHost.get(host)?.subscriptions ?? new Map();
  }

  #interested(type: ResourceType, name: string): Stream[] {
    const named = this.#byName.get(`${type}/${name}`);
    if (type === 'WorkloadPolicy') {
      const owner = this.#byHost.get(ownerOf(name));
      return owner?.subscriptions.get(type)?.wants(name) ? [owner] : [];
    }
    return [...new Set([...(named ?? []), ...this.#wildcards.get(type)!])];
  }

  #receive(stream: Stream, request: DeltaRequest): void {
    const type = RESOURCE_TYPES.find(known => known === request.type);
    if (!type) throw new RefusalError('message-invalid', `there is no resource of type "${request.type}"`);
    let subscription = stream.subscriptions.get(type);
    if (!subscription) {
      subscription = new Subscription(type, request.initialVersions);
      stream.subscriptions.set(type, subscription);
    }
    if (request.nonce !== '') subscription.answer(request.nonce, request.error, request.refused);
    for (const name of request.unsubscribe) this.#unsubscribe(stream, subscription, name);
    for (const name of request.subscribe) this.#subscribe(stream, subscription, name);
    this.#flush(stream, type);
  }

  #subscribe(stream: Stream, subscription: Subscription, name: string): void {
    const { type } = subscription;
    if (name === '*') {
      subscription.addAll(this.#source.names(type, stream.host));
      this.#wildcards.get(type)!.add(stream);
      return;
    }
    if (type === 'WorkloadPolicy' && ownerOf(name) !== stream.host)
      throw new RefusalError('resource-not-allowed', `workload "${name}" is not one of host "${stream.host}"`);
    subscription.add(name);
    const key = `${type}/${name}`;
    const streams = this.#byName.get(key) ?? new Set();
    this.#byName.set(key, streams.add(stream));
  }

  #unsubscribe(stream: Stream, subscription: Subscription, name: string): void {
    if (name === '*') {
      subscription.removeAll();
      this.#wildcards.get(subscription.type)!.delete(stream);
      return;
    }
    subscription.remove(name);
    this.#forget(stream, subscription.type, name);
  }

  #forget(stream: Stream, type: ResourceType, name: string): void {
    const key = `${type}/${name}`;
    const streams = this.#byName.get(key);
    streams?.delete(stream);
    if (streams?.size === 0) this.#byName.delete(key);
    if (this.#interested(type, name).length === 0) this.#cache.drop(type, name);
  }

  #flush(stream: Stream, type: ResourceType): void {
    const response = stream.subscriptions.get(type)?.next(name => this.#cache.get(type, name), this.#now());
    if (!response) return;
    this.#sent += 1;
    stream.send(response);
  }

  #close(stream: Stream | undefined): void {
    if (!stream) return;
    if (this.#byHost.get(stream.host) === stream) this.#byHost.delete(stream.host);
    for (const [type, subscription] of stream.subscriptions) {
      this.#wildcards.get(type)!.delete(stream);
      for (const name of subscription.names) this.#forget(stream, type, name);
    }
    stream.subscriptions.clear();
  }
}

/** The host of a workload's uid, `<host>/<namespace>/<name>`. */
function ownerOf(uid: string): string {
  return uid.slice(0, uid.indexOf('/'));
}

function waiting(stream: Stream): ReadonlyMap<ResourceType, number> {
  const since = new Map<ResourceType, number>();
  for (const [type, { waitingSince }] of stream.subscriptions)
    if (waitingSince !== undefined) since.set(type, waitingSince);
  return since;
}
