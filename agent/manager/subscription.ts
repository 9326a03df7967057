import type { ClientDuplexStream } from '@grpc/grpc-js';
import { type DeltaRequest, type DeltaResponse, NO_REQUEST } from '../../manager/model/proto/messages.ts';
import { RESOURCE_TYPES, type ResourceType } from '../../manager/model/proto/wire.ts';
import type { Holdings } from './holdings.ts';

/** Names that a host wants, by type; `*` is all. A set stays the same object and is read anew with each session. */
export type Wanted = Readonly<Record<ResourceType, ReadonlySet<string>>>;

export interface SubscriptionOptions {
  readonly holdings: Holdings;
  readonly wanted: Wanted;
  /** Called after a response was taken, before it is acknowledged. */
  readonly onChange: (type: ResourceType, changed: ReadonlySet<string>) => void;
  /** Whether something stays that the Manager does not have any more. */
  readonly keeps: (type: ResourceType, name: string) => boolean;
  /** A response held something that cannot be read. */
  readonly onRefused: (type: ResourceType, name: string, reason: string) => void;
}

/** One stream of subscriptions: says what is held and wanted, takes what comes, acknowledges it. */
export class Subscription {
  readonly #stream: ClientDuplexStream<DeltaRequest, DeltaResponse>;
  readonly #options: SubscriptionOptions;

  /** Begins at once. The caller watches the stream's end. */
  constructor(stream: ClientDuplexStream<DeltaRequest, DeltaResponse>, options: SubscriptionOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('data', (response: DeltaResponse) => this.#take(response));
    for (const type of RESOURCE_TYPES) {
      const subscribe = [...options.wanted[type]];
      this.#send({ ...NO_REQUEST, type, subscribe, initialVersions: options.holdings.versions(type) });
    }
  }

  /** Names were added to or taken from what is wanted. */
  change(type: ResourceType, subscribe: readonly string[], unsubscribe: readonly string[]): void {
    if (subscribe.length + unsubscribe.length > 0) this.#send({ ...NO_REQUEST, type, subscribe, unsubscribe });
  }

  #take(response: DeltaResponse): void {
    const type = RESOURCE_TYPES.find(known => known === response.type);
    if (type === undefined) {
      this.#send({
        ...NO_REQUEST,
        type: response.type,
        nonce: response.nonce,
        error: 'not a type that this agent knows',
      });
      return;
    }
    // What was on its way when it was given up would be held, and no change of it come any more.
    const wanted = this.#options.wanted[type];
    const resources = response.resources.filter(({ name }) => wanted.has('*') || wanted.has(name));
    const removed = response.removed.filter(name => !this.#options.keeps(type, name));
    const { changed, refused } = this.#options.holdings.apply(type, { resources, removed });
    for (const [name, reason] of Object.entries(refused)) this.#options.onRefused(type, name, reason);
    if (changed.size > 0) this.#options.onChange(type, changed);
    this.#send({ ...NO_REQUEST, type, nonce: response.nonce, refused });
  }

  #send(request: DeltaRequest): void {
    if (this.#stream.writable) this.#stream.write(request);
  }
}
