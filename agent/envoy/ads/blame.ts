import type { Resource } from '../../compile/resource.ts';

/**
 * The config objects that a refusal is put down to: those of the parts that the last good version does not have as they are now.
 * All that the resource was made from, where that says nothing: without parts, without a good version, or when only something went.
 */
export function blame(refused: Resource, good: Resource | undefined): readonly string[] {
  if (refused.parts === undefined || good?.parts === undefined) return refused.origins;
  const before = new Set(good.parts.map(({ content }) => content));
  const changed = refused.parts.filter(({ content }) => !before.has(content));
  return changed.length === 0 ? refused.origins : [...new Set(changed.flatMap(({ origins }) => origins))];
}
