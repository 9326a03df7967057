import { createHash } from 'node:crypto';
import type { Resources, ResourceType, Wire } from '../model/proto/wire.ts';

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
  readonly #encoded = new Map<string, Encoded>();
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
    return this.#encoded.size;
  }

  get<T extends ResourceType>(type: T, name: string): Encoded | undefined {
    const key = `${type}/${name}`;
    const known = this.#encoded.get(key);
    if (known) return known;
    return this.#keep(key, this.#encode(type, name));
  }

  /** Looks again at something that may have changed. */
  refresh(type: ResourceType, name: string): void {
    this.#keep(`${type}/${name}`, this.#encode(type, name));
  }

  /** What is not there takes no place: hosts may ask for any name. */
  #keep(key: string, encoded: Encoded | undefined): Encoded | undefined {
    if (encoded) this.#encoded.set(key, encoded);
    else this.#encoded.delete(key);
    return encoded;
  }

  /** Forgets what nobody wants. */
  drop(type: ResourceType, name: string): void {
    this.#encoded.delete(`${type}/${name}`);
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
      return this.#encoded.get(`${type}/${name}`);
    }
  }
}
