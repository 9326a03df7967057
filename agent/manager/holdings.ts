import type { DeltaResource, DeltaResponse } from '../../manager/model/proto/messages.ts';
import { RESOURCE_TYPES, type Resources, type ResourceType, type Wire } from '../../manager/model/proto/wire.ts';
import { messageOf } from '../../manager/model/util/errors.ts';

interface Held {
  readonly version: string;
  readonly body: Uint8Array;
  readonly value: Resources[ResourceType];
}

/** What came of a response: what changed, and what was refused, with the reason (what was held of it before stays). */
export interface Applied {
  readonly changed: ReadonlySet<string>;
  readonly refused: Readonly<Record<string, string>>;
}

/** Everything that the Manager gave this host, as it travelled and as values. An object stays the same while its content does. */
export class Holdings {
  readonly #wire: Pick<Wire, 'decode'>;
  readonly #held = new Map<ResourceType, Map<string, Held>>(RESOURCE_TYPES.map(type => [type, new Map()]));

  constructor(wire: Pick<Wire, 'decode'>) {
    this.#wire = wire;
  }

  get<T extends ResourceType>(type: T, name: string): Resources[T] | undefined {
    return this.#held.get(type)!.get(name)?.value as Resources[T] | undefined;
  }

  /** All values of a type with their names. */
  *entries<T extends ResourceType>(type: T): Generator<readonly [string, Resources[T]]> {
    for (const [name, { value }] of this.#held.get(type)!) yield [name, value as Resources[T]];
  }

  /** Version by name: what to resume a subscription from. */
  versions(type: ResourceType): Record<string, string> {
    return Object.fromEntries([...this.#held.get(type)!].map(([name, { version }]) => [name, version]));
  }

  /** Takes a response; a resource that cannot be read is refused alone. */
  apply(type: ResourceType, { resources, removed }: Pick<DeltaResponse, 'resources' | 'removed'>): Applied {
    const held = this.#held.get(type)!;
    const changed = new Set<string>();
    const refused: Record<string, string> = {};
    for (const { name, version, body } of resources) {
      try {
        if (held.get(name)?.version === version) continue;
        held.set(name, { version, body, value: this.#wire.decode(type, body) });
        changed.add(name);
      } catch (error) {
        refused[name] = messageOf(error);
      }
    }
    for (const name of removed) if (held.delete(name)) changed.add(name);
    return { changed, refused };
  }

  /** Drops what is no longer subscribed to. */
  forget(type: ResourceType, name: string): void {
    this.#held.get(type)!.delete(name);
  }

  /** As it travelled, to be kept on disk. */
  raw(type: ResourceType): DeltaResource[] {
    return [...this.#held.get(type)!].map(([name, { version, body }]) => ({ name, version, body }));
  }
}
