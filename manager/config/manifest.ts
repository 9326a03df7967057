import { type ConfigObject, describeObject } from '../model/config/object.ts';
import { isLabel } from '../model/service.ts';
import { ConfigError, type FieldError } from '../model/util/errors.ts';
import { Fields, isRecord, nearest } from '../model/util/fields.ts';
import { kindOf, kinds, kindsNotYet } from './index.ts';
import { apiVersionOf, type Kind } from './kind.ts';
import { labelProblem, SUBDOMAIN } from './names.ts';

/** A config object that was read and found right: as it was written, and as its kind understands it. */
export interface Manifest {
  readonly kind: Kind;
  /** As written: any of the kind's versions. */
  readonly apiVersion: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** What the writer believes the stored object is at; absent when it does not say. */
  readonly resourceVersion?: string;
  /** As written. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** As its kind understands it. */
  readonly parsed: unknown;
}

/** The namespace of an object that names none. */
export const DEFAULT_NAMESPACE = 'default';

/**
 * Reads one object of the config API, as Kubernetes users write it.
 * @throws {ConfigError} with every wrong field.
 */
export function readManifest(document: unknown, defaultNamespace: string = DEFAULT_NAMESPACE): Manifest {
  const errors: FieldError[] = [];
  const fields = new Fields(document, '', errors);
  // All that is missing from it follows from what it is.
  if (!isRecord(document))
    throw new ConfigError('this document', [{ ...errors[0]!, hint: 'an object has apiVersion, kind, metadata' }]);
  const apiVersion = fields.required('apiVersion', 'try "networking.istio.io/v1"');
  const kindName = fields.required('kind', `known: ${kinds.map(kind => kind.kind).join(', ')}`);
  const metadata = readMetadata(fields, defaultNamespace);
  const kind = apiVersion !== undefined && kindName !== undefined ? findKind(fields, apiVersion, kindName) : undefined;
  const spec = fields.raw('spec');
  // What the server writes; files that were read back from it have it.
  fields.raw('status');
  const specFields = new Fields(spec ?? {}, 'spec', errors);
  const parsed = spec === undefined || isRecord(spec) ? kind?.parse(specFields) : undefined;
  fields.unknown();
  if (kind && metadata && errors.length === 0)
    return { kind, apiVersion: apiVersion!, ...metadata, spec: isRecord(spec) ? spec : {}, parsed };
  throw new ConfigError(describe(document), errors);
}

/** How messages name an object that was read: `VirtualService default/reviews`. */
export function describeManifest({ kind, namespace, name }: Pick<Manifest, 'kind' | 'namespace' | 'name'>): string {
  return describeObject({ kind: kind.kind, metadata: { namespace, name } });
}

/** How a message names what was to be read, however wrong it is. */
function describe({ kind, metadata }: Record<string, unknown>): string {
  const name = isRecord(metadata) ? metadata['name'] : undefined;
  return `${typeof kind === 'string' ? kind : 'object'}${typeof name === 'string' ? ` "${name}"` : ''}`;
}

function findKind(fields: Fields, apiVersion: string, name: string): Kind | undefined {
  const kind = kindOf(apiVersion, name);
  if (kind) return kind;
  const sameName = kinds.find(candidate => candidate.kind === name);
  if (sameName) return fields.fail('apiVersion', `"${apiVersion}" has no ${name}`, `try "${apiVersionOf(sameName)}"`);
  if (kindsNotYet.has(name)) return fields.fail('kind', `"${name}" is not supported yet`);
  const names = kinds.map(candidate => candidate.kind);
  const near = nearest(name, names);
  return fields.fail(
    'kind',
    `"${name}" is no kind of config`,
    near ? `did you mean "${near}"?` : `known: ${names.join(', ')}`,
  );
}

type Metadata = Pick<Manifest, 'name' | 'namespace' | 'labels' | 'annotations' | 'resourceVersion'>;

/** Set by the server; a file that was read back from it has them, and they change nothing. */
const SERVER_FIELDS = ['uid', 'generation', 'creationTimestamp', 'managedFields', 'selfLink'];

function readMetadata(fields: Fields, defaultNamespace: string): Metadata | undefined {
  const metadata = fields.map('metadata');
  if (!metadata) return fields.fail('metadata', 'is missing', 'try {name: "reviews"}');
  const name = metadata.required('name');
  if (name !== undefined && (name.length > 253 || !SUBDOMAIN.test(name)))
    metadata.fail('name', `"${name}" is no name`, 'lower-case letters, digits, "-" and ".", at most 253');
  const namespace = metadata.string('namespace') ?? defaultNamespace;
  if (!isLabel(namespace))
    metadata.fail('namespace', `"${namespace}" is no namespace`, 'lower-case letters, digits and "-", at most 63');
  const labels = metadata.texts('labels');
  for (const [key, value] of Object.entries(labels)) {
    const problem = labelProblem(key, value);
    if (problem) metadata.fail(`labels.${key}`, problem);
  }
  const annotations = metadata.texts('annotations');
  const resourceVersion = metadata.string('resourceVersion');
  for (const field of SERVER_FIELDS) metadata.raw(field);
  metadata.notYet(['generateName', 'finalizers', 'ownerReferences']);
  metadata.unknown();
  if (name === undefined) return undefined;
  return { name, namespace, labels, annotations, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}

/** The typed object of a manifest that is not stored (yet). */
export function configObjectOf(manifest: Manifest): ConfigObject {
  return {
    apiVersion: apiVersionOf(manifest.kind),
    kind: manifest.kind.kind,
    metadata: {
      name: manifest.name,
      namespace: manifest.namespace,
      labels: manifest.labels,
      annotations: manifest.annotations,
      resourceVersion: manifest.resourceVersion ?? '',
      creationTimestamp: '',
    },
    spec: manifest.parsed,
  };
}
