import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../model/util/fields.ts';
import { keysOf } from './field-paths.ts';
import { MAXIMUM_BODY_BYTES } from './request.ts';
import { ApiError } from './status.ts';

/** Operations that one patch may have. */
const MAXIMUM_OPERATIONS = 1_000;

/** Bytes that one patch may copy, as JSON: a copy of what holds copies doubles with each operation. */
const MAXIMUM_COPIED = MAXIMUM_BODY_BYTES;

/**
 * Applies a JSON patch (RFC 6902): all of its operations or none.
 * @throws {ApiError} 400 for a patch that is none, 413 for one that is too much, 422 when an operation cannot be done or a test fails.
 */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new ApiError(400, 'A JSON patch is a list of operations');
  if (patch.length > MAXIMUM_OPERATIONS)
    throw new ApiError(413, `A patch has at most ${MAXIMUM_OPERATIONS} operations`);
  let copied = 0;
  const copy: Copy = (value, where) => {
    copied += JSON.stringify(value).length;
    if (copied > MAXIMUM_COPIED) throw new ApiError(413, `${where}: a patch copies at most ${MAXIMUM_COPIED} bytes`);
    return value;
  };
  return patch.reduce<unknown>(
    (document, operation, index) => operate(document, operation, `operation ${index}`, copy),
    target,
  );
}

/** Gives what is copied. @throws {ApiError} when it is too much. */
type Copy = (value: unknown, where: string) => unknown;

function operate(document: unknown, operation: unknown, where: string, copy: Copy): unknown {
  if (!isRecord(operation)) throw new ApiError(400, `${where} is no object`);
  const { op, value } = operation;
  const path = pointer(operation, 'path', where);
  switch (op) {
    case 'add':
      return added(document, path, value, where);
    case 'remove':
      return removed(document, path, where);
    case 'replace':
      found(document, path, where);
      return path.length === 0 ? value : added(removed(document, path, where), path, value, where);
    case 'move': {
      const from = pointer(operation, 'from', where);
      const moved = found(document, from, where);
      return added(removed(document, from, where), path, moved, where);
    }
    case 'copy':
      return added(document, path, copy(found(document, pointer(operation, 'from', where), where), where), where);
    case 'test':
      if (isDeepStrictEqual(found(document, path, where), value)) return document;
      throw new ApiError(422, `${where}: the test of ${String(operation['path'])} failed`);
    default:
      throw new ApiError(400, `${where}: op must be one of add, remove, replace, move, copy, test`);
  }
}

function pointer(operation: Record<string, unknown>, name: 'path' | 'from', where: string): readonly string[] {
  const value = operation[name];
  if (typeof value === 'string' && (value === '' || value.startsWith('/'))) return keysOf(value);
  throw new ApiError(400, `${where}: ${name} must be a JSON pointer such as "/spec/host"`);
}

function missing(where: string, keys: readonly string[]): ApiError {
  return new ApiError(422, `${where}: there is nothing at /${keys.join('/')}`);
}

function found(document: unknown, keys: readonly string[], where: string): unknown {
  return keys.reduce<unknown>((node, key) => {
    if (isRecord(node) && Object.hasOwn(node, key)) return node[key];
    const index = Array.isArray(node) ? indexOf(key, node.length - 1) : undefined;
    if (index === undefined) throw missing(where, keys);
    return (node as unknown[])[index];
  }, document);
}

/** A list's index as RFC 6901 writes it, up to the last that is allowed. */
function indexOf(key: string, last: number): number | undefined {
  return /^(0|[1-9]\d{0,8})$/.test(key) && Number(key) <= last ? Number(key) : undefined;
}

/** The document with the map or list around the last key changed. */
function changed(
  document: unknown,
  keys: readonly string[],
  where: string,
  change: (parent: unknown, key: string) => unknown,
): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) throw new ApiError(422, `${where}: the whole object cannot be taken out`);
  if (rest.length === 0) return change(document, key);
  const inner = changed(found(document, [key], where), rest, where, change);
  return Array.isArray(document) ? document.with(Number(key), inner) : withEntry(document, key, inner);
}

function added(document: unknown, keys: readonly string[], value: unknown, where: string): unknown {
  if (keys.length === 0) return value;
  return changed(document, keys, where, (parent, key) => {
    if (isRecord(parent)) return withEntry(parent, key, value);
    const index = Array.isArray(parent) ? (key === '-' ? parent.length : indexOf(key, parent.length)) : undefined;
    if (index === undefined) throw missing(where, keys);
    return (parent as unknown[]).toSpliced(index, 0, value);
  });
}

function removed(document: unknown, keys: readonly string[], where: string): unknown {
  found(document, keys, where);
  return changed(document, keys, where, (parent, key) =>
    Array.isArray(parent)
      ? parent.toSpliced(Number(key), 1)
      : Object.fromEntries(Object.entries(parent as object).filter(([name]) => name !== key)),
  );
}

/** Through entries, so that a key such as `__proto__` is a key like any other. */
function withEntry(map: unknown, key: string, value: unknown): Record<string, unknown> {
  return Object.fromEntries([...Object.entries(map as object).filter(([name]) => name !== key), [key, value]]);
}
