import { createHash } from 'node:crypto';
import { RESOURCE_TYPES, type Resources, type ResourceType, type Wire } from '../model/proto/wire.ts';

/** What there is to distribute. Answers from memory. */
export interface ResourceSource {
  /** The present content; undefined when there is no such thing. */
  value<T extends ResourceType>(type: T, name: string): Resources[T] | undefined;
  /** Names of everything of a type that a host may have. */
  names(type: ResourceType, host: string): Iterable<string>;
}

/** Something whose content may have changed. */
export interface ResourceKey {
  readonly type: ResourceType;
  readonly name: string;
}

/** A resource as it travels: the same object for every host that gets it. */
export interface Encoded {
  /** A hash of the content, so that it means the same after a restart. */
  readonly version: string;
  readonly body: Uint8Array;
}

/** Encoded resources, each made once per content and held while someone wants it. */
export class ResourceCache {
  readonly #source: ResourceSource;
  readonly #wire: Wire;
  /** By type and name; a host that comes back asks for thousands at once, so no key is put together of the two. */
  readonly #encoded = new Map<ResourceType, Map<string, Encoded>>(RESOURCE_TYPES.map(type => [type, new Map()]));
  readonly #onUnfit: (key: ResourceKey, error: unknown) => void;
  #encodings = 0;

  /** @param onUnfit hears of a resource that cannot be encoded: what was known of it stays, and the others go on. */
  constructor(source: ResourceSource, wire: Wire, onUnfit: (key: ResourceKey, error: unknown) => void) {
    this.#source = source;
    this.#wire = wire;
    this.#onUnfit = onUnfit;
  }

  /** How often something was encoded since the start. */
  get encodings(): number {
    return this.#encodings;
  }

  get size(): number {
    return [...this.#encoded.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get<T extends ResourceType>(type: T, name: string): Encoded | undefined {
    return this.#encoded.get(type)!.get(name) ?? this.#keep(type, name, this.#encode(type, name));
  }

  /** Looks again at something that may have changed. */
  refresh(type: ResourceType, name: string): void {
    this.#keep(type, name, this.#encode(type, name));
  }

  /** What is not there takes no place: hosts may ask for any name. */
  #keep(type: ResourceType, name: string, encoded: Encoded | undefined): Encoded | undefined {
    if (encoded) this.#encoded.get(type)!.set(name, encoded);
    else this.drop(type, name);
    return encoded;
  }

  /** Forgets what nobody wants. */
  drop(type: ResourceType, name: string): void {
    this.#encoded.get(type)!.delete(name);
  }

  #encode<T extends ResourceType>(type: T, name: string): Encoded | undefined {
    const value = this.#source.value(type, name);
    if (value === undefined) return undefined;
    this.#encodings += 1;
    try {
      const body = this.#wire.encode(type, value);
      return { version: createHash('sha256').update(body).digest('base64url').slice(0, 22), body };
    } catch (error) {
      this.#onUnfit({ type, name }, error);
      return this.#encoded.get(type)!.get(name);
    }
  }
}
