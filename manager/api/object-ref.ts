import type { Kind } from '../config/kind.ts';
import { ApiError } from './status.ts';

/** Names an object, and the version that it is spoken of in. */
export interface ObjectRef {
  readonly kind: Kind;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly name: string;
}

/** How messages name it. */
export function nameOf({ kind, namespace, name }: ObjectRef): string {
  return `${kind.plural}.${kind.group} "${name}" in the namespace "${namespace}"`;
}

function details({ kind, name }: ObjectRef): { readonly name: string; readonly group: string; readonly kind: string } {
  return { name, group: kind.group, kind: kind.plural };
}

/** What is said of an object that is not there. */
export function notFound(ref: ObjectRef): ApiError {
  return new ApiError(404, `${nameOf(ref)} is not there`, { details: details(ref) });
}

/** What is said of a second object of one name. */
export function alreadyExists(ref: ObjectRef): ApiError {
  return new ApiError(409, `${nameOf(ref)} exists already`, { reason: 'AlreadyExists', details: details(ref) });
}

/** What is said of a write at a revision that is past. */
export function conflict(ref: ObjectRef): ApiError {
  const message = `${nameOf(ref)} was changed by another; read it again, and change what is there now`;
  return new ApiError(409, message, { details: details(ref) });
}

/** What is said of an apply that would change what others set. */
export function ownershipConflict(ref: ObjectRef, conflicts: readonly { path: string; manager: string }[]): ApiError {
  const causes = conflicts.map(({ path, manager }) => ({
    reason: 'FieldManagerConflict',
    message: `set by "${manager}"`,
    field: path.slice(1).replaceAll('/', '.'),
  }));
  const fields = causes.map(({ field, message }) => `${field} is ${message}`).join('; ');
  const message = `${nameOf(ref)}: ${fields}; apply with force=true to take what others set`;
  return new ApiError(409, message, { details: { ...details(ref), causes } });
}
