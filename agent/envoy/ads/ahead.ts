import type { Resource } from '../../compile/resource.ts';

type Encode = (resource: Resource) => Uint8Array;

/** So long other work waits for the encoding ahead at the most, milliseconds. */
const SLICE_MS = 4;

/**
 * Encodes resources before a client asks for them: while it begins, and while it thinks about those it got, there is nothing else to do.
 * What was encoded is kept until it is taken once.
 */
export class Ahead {
  readonly #encode: Encode;
  readonly #encoded = new Map<Resource, Uint8Array>();
  #queue: readonly Resource[] = [];
  #turn: NodeJS.Immediate | undefined;

  constructor(encode: Encode) {
    this.#encode = encode;
  }

  /** Begins with these, in this order, in place of those of an earlier call; what was encoded of them stays so. */
  prepare(resources: readonly Resource[]): void {
    const wanted = new Set(resources);
    for (const resource of this.#encoded.keys()) if (!wanted.has(resource)) this.#encoded.delete(resource);
    clearImmediate(this.#turn);
    this.#queue = resources.filter(resource => !this.#encoded.has(resource));
    this.#next(0);
  }

  /** @throws what encoding it throws. */
  take(resource: Resource): Uint8Array {
    const encoded = this.#encoded.get(resource) ?? this.#encode(resource);
    this.#encoded.delete(resource);
    return encoded;
  }

  /** Drops what was not taken, and ends. */
  clear(): void {
    clearImmediate(this.#turn);
    this.#queue = [];
    this.#encoded.clear();
  }

  #next(from: number): void {
    if (from < this.#queue.length) this.#turn = setImmediate(() => this.#next(this.#slice(from)));
  }

  /** @returns where the next slice begins. */
  #slice(from: number): number {
    const end = performance.now() + SLICE_MS;
    let index = from;
    for (; index < this.#queue.length && performance.now() < end; index += 1) {
      const resource = this.#queue[index]!;
      try {
        this.#encoded.set(resource, this.#encode(resource));
      } catch {
        // Whoever takes it is told.
      }
    }
    return index;
  }
}
