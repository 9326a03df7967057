import type { Resource } from './resource.ts';

/** Resources, in which those that came out as before are the same objects as before. */
export function kept(made: readonly Resource[], before: readonly Resource[] = []): readonly Resource[] {
  const known = new Map(before.map(resource => [keyOf(resource), resource]));
  return made.map(resource => {
    const same = known.get(keyOf(resource));
    return same?.version === resource.version && equal(same.origins, resource.origins) ? same : resource;
  });
}

function keyOf({ typeUrl, name }: Resource): string {
  return `${typeUrl} ${name}`;
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}
