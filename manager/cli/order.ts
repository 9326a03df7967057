import type { Kind } from '../config/kind.ts';
import { isRecord } from '../model/util/fields.ts';

/** Kinds that refer to objects of other kinds: a route to a subset fails while no rule defines it. */
const REFERRING: ReadonlySet<string> = new Set(['VirtualService']);

/** Kinds that they refer to. */
const REFERRED: ReadonlySet<string> = new Set(['DestinationRule']);

interface OfKind {
  readonly manifest: { readonly kind: Pick<Kind, 'kind'> };
}

/** Whether it refers to others. */
export function refers({ manifest }: OfKind): boolean {
  return REFERRING.has(manifest.kind.kind);
}

/** Whether others refer to it. */
export function isReferredTo({ manifest }: OfKind): boolean {
  return REFERRED.has(manifest.kind.kind);
}

/** In the order that breaks no call on the way: what others refer to comes first. Backwards, it is the order of deletion. */
export function inOrder<T extends OfKind>(objects: readonly T[]): readonly T[] {
  return [...objects.filter(object => !refers(object)), ...objects.filter(refers)];
}

/** A rule that keeps the subsets that it drops. */
export interface Widened {
  readonly document: unknown;
  /** Their names. */
  readonly kept: readonly string[];
}

/**
 * Has a rule keep the subsets that it drops: routes name them until those of the same input are applied. Undefined when it drops none.
 * @param document as it was written. @param before as the Manager holds it. @param after as the Manager would hold it.
 */
export function widened(document: unknown, before: unknown, after: unknown): Widened | undefined {
  const subsets = subsetsOf(after);
  const dropped = subsetsOf(before).filter(({ name }) => !subsets.some(subset => subset['name'] === name));
  if (dropped.length === 0) return undefined;
  const { spec, ...rest } = document as { readonly spec?: object };
  return {
    document: { ...rest, spec: { ...spec, subsets: [...subsets, ...dropped] } },
    kept: dropped.map(({ name }) => String(name)),
  };
}

/** The subsets of a rule; none of anything else. */
export function subsetsOf(object: unknown): readonly Record<string, unknown>[] {
  const spec = isRecord(object) ? object['spec'] : undefined;
  const subsets = isRecord(spec) ? spec['subsets'] : undefined;
  return Array.isArray(subsets) ? subsets.filter(isRecord) : [];
}
