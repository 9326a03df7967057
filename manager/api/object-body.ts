import { type Manifest, readManifest } from '../config/manifest.ts';
import { Fields, isRecord, show } from '../model/util/fields.ts';
import type { ObjectRef } from './object-ref.ts';
import type { Owned } from './ownership.ts';
import { ApiError } from './status.ts';

/** What an apply declares: it may be a part of an object, so only the merged whole is checked field by field. */
export function declaredBy(body: unknown): { readonly owned: Owned; readonly resourceVersion?: string } {
  const fields = new Fields(body, '');
  const metadata = fields.map('metadata');
  const [labels, annotations] = [metadata?.texts('labels') ?? {}, metadata?.texts('annotations') ?? {}];
  const resourceVersion = metadata?.string('resourceVersion');
  const spec = fields.raw('spec') ?? {};
  if (!isRecord(spec)) fields.fail('spec', `must be a map of fields, not ${show(spec)}`);
  fields.check('what is applied');
  const owned = { metadata: { labels, annotations }, spec: isRecord(spec) ? spec : {} };
  return { owned, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}

/** Reads the body, which must name the object of the URL. */
export function manifestFor(
  ref: Omit<ObjectRef, 'name'> & { readonly name: string | undefined },
  body: unknown,
): Manifest {
  const given = isRecord(body) ? body : {};
  const metadata = given['metadata'] ?? {};
  const named = ref.name === undefined ? {} : { name: ref.name };
  const manifest = readManifest(
    isRecord(body)
      ? {
          apiVersion: ref.apiVersion,
          kind: ref.kind.kind,
          ...given,
          metadata: isRecord(metadata) ? { ...named, ...metadata } : metadata,
        }
      : body,
    ref.namespace,
  );
  if (manifest.kind !== ref.kind)
    throw new ApiError(400, `The body is a ${manifest.kind.kind}, and the path is for a ${ref.kind.kind}`);
  if (manifest.namespace !== ref.namespace)
    throw new ApiError(
      400,
      `The body is for the namespace "${manifest.namespace}", and the path for "${ref.namespace}"`,
    );
  if (ref.name !== undefined && manifest.name !== ref.name)
    throw new ApiError(400, `The body is named "${manifest.name}", and the path is for "${ref.name}"`);
  return manifest;
}

/** The store's revision that a resourceVersion stands for. @throws {ApiError} */
export function revisionOf(resourceVersion: string): number {
  if (/^\d{1,15}$/.test(resourceVersion)) return Number(resourceVersion);
  throw new ApiError(400, `metadata.resourceVersion "${resourceVersion}" is none that this server gave`);
}
