/** What names an object in the config API. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Changes with every write; opaque. Empty before the first. */
  readonly resourceVersion: string;
  /** When it was first written, RFC 3339. */
  readonly creationTimestamp: string;
}

/** A config object after validation: `spec` is of the type that `kind` says. */
export interface ConfigObject<Kind extends string = string, Spec = unknown> {
  /** Group and version, such as `networking.istio.io/v1`. */
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
}

/** Sorts the oldest first: what was there is not overruled by what comes. Of one age, by namespace and name. */
export function byAge(a: ConfigObject, b: ConfigObject): number {
  const key = ({ metadata: { creationTimestamp, namespace, name } }: ConfigObject): string =>
    `${creationTimestamp} ${namespace}/${name}`;
  return key(a) < key(b) ? -1 : 1;
}

/** How messages name an object: `VirtualService default/reviews`. */
export function describeObject(object: { kind: string; metadata: { name: string; namespace: string } }): string {
  return `${object.kind} ${object.metadata.namespace}/${object.metadata.name}`;
}
