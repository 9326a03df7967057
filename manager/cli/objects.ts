import { kindNamed, kinds } from '../config/index.ts';
import type { Kind } from '../config/kind.ts';
import { apiVersionOf } from '../config/kind.ts';
import { SUBDOMAIN } from '../config/names.ts';
import { isLabel } from '../model/service.ts';
import { nearest } from '../model/util/fields.ts';
import { type Command, type CommandArguments, usageError } from './command.ts';
import { textOf } from './options.ts';

/** An object as the Manager answers with it. */
export interface ShownObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly creationTimestamp?: string;
    readonly resourceVersion?: string;
    readonly managedFields?: unknown;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The path of an object, or of all of a namespace, or of all there are. */
export function objectPath(
  kind: Kind,
  namespace?: string,
  name?: string,
  apiVersion: string = apiVersionOf(kind),
): string {
  const parts = [
    ...(namespace === undefined ? [] : ['namespaces', encodeURIComponent(namespace)]),
    kind.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
  ];
  return `/apis/${apiVersion}/${parts.join('/')}`;
}

/** How commands name an object: `virtualservice.networking.istio.io/reviews`, as kubectl does. */
export function shortName(kind: Kind, name: string): string {
  return `${kind.singular}.${kind.group}/${name}`;
}

/** Reads `<kind> [name]` or `<kind>/<name>`. @throws {CommandError} */
export function readTarget(
  command: Command,
  positionals: readonly string[],
): { readonly kind: Kind; readonly name?: string } {
  const [first = '', second] = positionals;
  const slash = first.indexOf('/');
  const word = slash < 0 ? first : first.slice(0, slash);
  if (slash >= 0 && second !== undefined) throw usageError(command, `"${second}" is one word too many`);
  const name = slash < 0 ? second : first.slice(slash + 1);
  const kind = kindNamed(word);
  if (kind && name !== undefined && !SUBDOMAIN.test(name))
    throw usageError(command, `"${name}" is no name of an object; lower-case letters, digits, "-" and "."`);
  if (kind) return name === undefined ? { kind } : { kind, name };
  const words = kinds.flatMap(known => [known.singular, known.plural, ...known.shortNames]);
  const near = nearest(word, words);
  throw usageError(
    command,
    `"${word}" is no kind of config${near === undefined ? '.' : `; did you mean "${near}"?`} There are ${kinds.map(known => known.plural).join(', ')}`,
  );
}

/** The namespace that the command line names. @throws {CommandError} */
export function namespaceOf(command: Command, values: CommandArguments['values']): string | undefined {
  const namespace = textOf(values, 'namespace');
  if (namespace === undefined || isLabel(namespace)) return namespace;
  throw usageError(command, `"${namespace}" is no namespace; lower-case letters, digits and "-", at most 63`);
}

/** Names of kinds, for completion of the first word. */
export function completeKind(position: number): readonly string[] {
  return position === 0 ? kinds.map(kind => kind.plural) : [];
}
