import { isRecord } from '../model/util/fields.ts';

/** A value by the way to it. A list counts as one value, as does a map with nothing in it. */
export type Leaves = ReadonlyMap<string, unknown>;

const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
const unescapeKey = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

/** The JSON pointer (RFC 6901) of keys. */
export function pointerOf(keys: readonly string[]): string {
  return keys.map(key => `/${escapeKey(key)}`).join('');
}

/** The keys of a JSON pointer (RFC 6901). */
export function keysOf(pointer: string): string[] {
  return pointer.split('/').slice(1).map(unescapeKey);
}

/** All values of a tree by their JSON pointers. */
export function leavesOf(tree: unknown, at = ''): Leaves {
  const leaves = new Map<string, unknown>();
  const walk = (value: unknown, pointer: string): void => {
    if (!isRecord(value) || (Object.keys(value).length === 0 && pointer !== at)) leaves.set(pointer, value);
    else for (const [key, inner] of Object.entries(value)) walk(inner, `${pointer}/${escapeKey(key)}`);
  };
  walk(tree, at);
  return leaves;
}

/** The value at a pointer; undefined when there is none. */
export function valueAt(tree: unknown, pointer: string): unknown {
  return keysOf(pointer).reduce<unknown>(
    (value, key) => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined),
    tree,
  );
}

/** The tree with a value put at a pointer; maps on the way are made. An empty map leaves a map that is there as it is. */
export function withValue(tree: unknown, pointer: string, value: unknown): unknown {
  const put = (node: unknown, keys: readonly string[]): unknown => {
    const [key, ...rest] = keys;
    if (key === undefined) return isRecord(value) && isRecord(node) ? node : value;
    const map = isRecord(node) ? node : {};
    return withKey(map, key, put(Object.hasOwn(map, key) ? map[key] : undefined, rest));
  };
  return put(tree, keysOf(pointer));
}

/** The tree without what is at a pointer, and without the maps that are empty for it. */
export function withoutValue(tree: unknown, pointer: string): unknown {
  const remove = (node: unknown, [key, ...rest]: readonly string[]): unknown => {
    if (!isRecord(node) || key === undefined || !Object.hasOwn(node, key)) return node;
    const inner = rest.length === 0 ? undefined : remove(node[key], rest);
    const others = Object.entries(node).filter(([name]) => name !== key);
    const isGone = inner === undefined || (isRecord(inner) && Object.keys(inner).length === 0);
    return isGone ? Object.fromEntries(others) : withKey(node, key, inner);
  };
  return remove(tree, keysOf(pointer));
}

/** A copy with one more entry; through entries, so that a key such as `__proto__` is a key like any other. */
function withKey(map: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  return Object.fromEntries([...Object.entries(map).filter(([name]) => name !== key), [key, value]]);
}
