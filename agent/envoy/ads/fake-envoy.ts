import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import type protobuf from 'protobufjs';
import { TYPE, type TypeUrl } from '../../compile/resource.ts';
import { STARTED } from '../bootstrap.ts';
import type { Schema } from './schema.ts';

/** A response as it came over the wire. */
export interface Received {
  readonly typeUrl: string;
  readonly nonce: string;
  /** Name and version of each resource. */
  readonly versions: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

interface WireResponse {
  readonly type_url: string;
  readonly nonce: string;
  readonly resources: readonly { readonly name: string; readonly version: string }[];
  readonly removed_resources: readonly string[];
}

interface Subscription {
  readonly names?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly holding?: Readonly<Record<string, string>>;
}

/** For tests: a client of the delta protocol that does just what it is told, over the real wire. */
export class FakeEnvoy {
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<object, WireResponse>;
  readonly #responses: AsyncIterator<WireResponse>;
  #node: object | undefined;
  #asked = 0;

  /** @param startedMs when it says that it was started, see `startedNode()`. */
  constructor(socket: string, { request }: Schema, startedMs?: number) {
    const fields = startedMs === undefined ? {} : { [STARTED]: { stringValue: String(startedMs) } };
    this.#node = { id: 'fake', metadata: { fields } };
    const response: protobuf.Type = request.root.lookupType('envoy.service.discovery.v3.DeltaDiscoveryResponse');
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure());
    this.#stream = this.#client.makeBidiStreamRequest(
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      (message: object) => Buffer.from(request.encode(request.fromObject(message)).finish()),
      (bytes: Buffer) => response.decode(bytes) as unknown as WireResponse,
    );
    this.#stream.on('error', () => undefined);
    this.#responses = this.#stream[Symbol.asyncIterator]() as AsyncIterator<WireResponse>;
  }

  /** Subscribes; to all when no names are given. */
  subscribe(typeUrl: TypeUrl, { names = [], unsubscribe = [], holding = {} }: Subscription = {}): void {
    this.#stream.write({
      ...(this.#node && { node: this.#node }),
      type_url: typeUrl,
      resource_names_subscribe: names,
      resource_names_unsubscribe: unsubscribe,
      initial_resource_versions: holding,
    });
    // Only the first request of a stream bears it.
    this.#node = undefined;
  }

  accept({ typeUrl, nonce }: Received): void {
    this.#stream.write({ type_url: typeUrl, response_nonce: nonce });
  }

  refuse({ typeUrl, nonce }: Received, message: string): void {
    this.#stream.write({ type_url: typeUrl, response_nonce: nonce, error_detail: { code: 3, message } });
  }

  /** The next response. @throws when none comes within 20 s. */
  async next(): Promise<Received> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('no response within 20 s')), 20_000);
    try {
      const { value } = (await Promise.race([this.#responses.next(), late.promise])) as {
        readonly value: WireResponse;
      };
      const versions = Object.fromEntries(value.resources.map(({ name, version }) => [name, version]));
      return { typeUrl: value.type_url, nonce: value.nonce, versions, removed: value.removed_resources };
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next response of a type with exactly these resources, which it accepts. */
  async take(typeUrl: TypeUrl, ...names: readonly string[]): Promise<Received> {
    const received = await this.next();
    const found = [received.typeUrl, ...Object.keys(received.versions).toSorted()].join(' ');
    const wanted = [typeUrl, ...names.toSorted()].join(' ');
    if (found !== wanted) throw new Error(`got ${found} and ${JSON.stringify(received.removed)} gone, not ${wanted}`);
    this.accept(received);
    return received;
  }

  /** Resolves when the server has nothing to say: a question that it always answers gets the next answer. */
  async quiet(): Promise<void> {
    this.#asked += 1;
    const name = `no-such-secret-${this.#asked}`;
    this.subscribe(TYPE.secret, { names: [name] });
    const received = await this.next();
    if (!received.removed.includes(name)) throw new Error(`not quiet: got ${JSON.stringify(received)}`);
    this.accept(received);
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}
