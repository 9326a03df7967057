import { isDeepStrictEqual } from 'node:util';
import type { Ownership } from '../config/stored.ts';
import { keysOf, type Leaves, leavesOf, pointerOf, valueAt, withoutValue, withValue } from './field-paths.ts';

/** The part of an object that writers own: `{metadata: {labels, annotations}, spec}`. */
export interface Owned {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A field that another writer has set to something else. */
export interface OwnershipConflict {
  readonly path: string;
  readonly manager: string;
}

export interface Applied {
  readonly result: Owned;
  readonly owners: readonly Ownership[];
  /** With any of these, and unless it was forced, nothing may be written. */
  readonly conflicts: readonly OwnershipConflict[];
}

const NOTHING: Owned = { metadata: { labels: {}, annotations: {} }, spec: {} };

/**
 * Server-side apply, with a list as one field (what Kubernetes does for types without list keys): the fields that `manager`
 * declares are set; those that it declared the last time and no more, and that nobody else owns, are removed.
 * @param force takes the fields that others own and that differ.
 */
export function applyOwned(
  live: Owned | undefined,
  owners: readonly Ownership[],
  declared: Owned,
  writer: { readonly manager: string; readonly time: string; readonly force: boolean },
): Applied {
  const before = live ?? NOTHING;
  const wanted = leavesOf(declared);
  const isOwn = (owner: Ownership): boolean => owner.manager === writer.manager && owner.operation === 'Apply';
  const others = owners.filter(owner => !isOwn(owner));
  const differs = new Set(
    [...wanted].filter(([path, value]) => !isSame(valueAt(before, path), value)).map(([path]) => path),
  );
  const conflicts = others
    .filter(({ manager }) => manager !== writer.manager)
    .flatMap(({ manager, paths }) => paths.filter(path => differs.has(path)).map(path => ({ path, manager })));
  const previous = owners.find(isOwn)?.paths ?? [];
  const dropped = previous.filter(path => !wanted.has(path) && !others.some(({ paths }) => paths.includes(path)));
  const result = setAll(dropped.reduce<unknown>(withoutValue, before), wanted);
  const own: Ownership = { manager: writer.manager, operation: 'Apply', time: writer.time, paths: ownedPaths(wanted) };
  const isUnchanged = isDeepStrictEqual(own.paths, previous) && isDeepStrictEqual(result, before);
  return {
    result: complete(result),
    owners: isUnchanged ? owners : [...release(others, differs), own],
    conflicts: writer.force ? [] : conflicts,
  };
}

/** Who owns what after a plain write: the writer owns each field that it changed. */
export function ownersAfterUpdate(
  before: Owned | undefined,
  after: Owned,
  owners: readonly Ownership[],
  writer: { readonly manager: string; readonly time: string },
): readonly Ownership[] {
  const [old, now] = [leavesOf(before ?? NOTHING), leavesOf(after)];
  const changed = new Map([...now].filter(([path, value]) => !old.has(path) || !isSame(old.get(path), value)));
  const touched = new Set([...changed.keys(), ...[...old.keys()].filter(path => !now.has(path))]);
  if (touched.size === 0) return owners;
  const isOwn = (owner: Ownership): boolean => owner.manager === writer.manager && owner.operation === 'Update';
  const kept = (owners.find(isOwn)?.paths ?? []).filter(path => !touched.has(path));
  const paths = [...new Set([...kept, ...ownedPaths(changed)])].sort();
  const others = release(
    owners.filter(owner => !isOwn(owner)),
    touched,
  );
  return paths.length === 0 ? others : [...others, { ...writer, operation: 'Update', paths }];
}

/** `fieldsV1` of `metadata.managedFields`: each key behind `f:`. */
export function fieldsV1(paths: readonly string[]): unknown {
  const marked = (path: string): string => pointerOf(keysOf(path).map(key => `f:${key}`));
  return paths.reduce<unknown>((tree, path) => withValue(tree, marked(path), {}), {});
}

function setAll(tree: unknown, leaves: Leaves): unknown {
  return [...leaves].reduce((result, [path, value]) => withValue(result, path, value), tree);
}

/** Empty maps are nobody's: they say nothing. */
function ownedPaths(leaves: Leaves): string[] {
  return [...leaves]
    .filter(([, value]) => !isSame(value, {}))
    .map(([path]) => path)
    .sort();
}

function release(owners: readonly Ownership[], paths: ReadonlySet<string>): Ownership[] {
  return owners
    .map(owner => ({ ...owner, paths: owner.paths.filter(path => !paths.has(path)) }))
    .filter(owner => owner.paths.length > 0);
}

/** With the maps that every object has, even when nothing is in them any more. */
function complete(tree: unknown): Owned {
  const { metadata, spec } = tree as { metadata?: Partial<Owned['metadata']>; spec?: Owned['spec'] };
  return { metadata: { labels: metadata?.labels ?? {}, annotations: metadata?.annotations ?? {} }, spec: spec ?? {} };
}

function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}
