import type { Fields } from '../model/util/fields.ts';

/** A kind of config object: how the API names it, and how its spec is read. */
export interface Kind<Name extends string = string, Spec = unknown> {
  /** Such as `networking.istio.io`. */
  readonly group: string;
  /** All that are accepted, the preferred first. They have the same fields, so an object is the same object in each. */
  readonly versions: readonly string[];
  readonly kind: Name;
  /** As in URLs and in `isthmus get virtualservices`. */
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** One line for people. */
  readonly summary: string;
  /** Reads the spec and notes every error in `spec.errors`; when it noted any, what it returns is of no use. */
  parse(spec: Fields): Spec;
  /** What a spec says, in a line for a table. */
  describe(spec: Spec): string;
}

/** `<plural>.<group>`: names a kind in every version, and everywhere that one word must do. */
export function resourceName(kind: Pick<Kind, 'plural' | 'group'>): string {
  return `${kind.plural}.${kind.group}`;
}

/** `<group>/<preferred version>`. */
export function apiVersionOf(kind: Pick<Kind, 'versions' | 'group'>): string {
  return `${kind.group}/${kind.versions[0]}`;
}
