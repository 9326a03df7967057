/** How a text is compared. */
export type TextMatch =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'prefix'; readonly text: string }
  | { readonly kind: 'suffix'; readonly text: string };

/**
 * Whether a call is allowed, as a condition over who calls and on which port. Comparisons of the caller are false for a caller
 * without identity, so `not` of one is true for it.
 */
export type Expression =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  | { readonly kind: 'and'; readonly of: readonly Expression[] }
  | { readonly kind: 'or'; readonly of: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression }
  /** The caller has an identity. */
  | { readonly kind: 'authenticated' }
  /** The caller's SPIFFE ID without `spiffe://`. */
  | { readonly kind: 'principal'; readonly match: TextMatch }
  /** The namespace in the caller's SPIFFE ID. */
  | { readonly kind: 'namespace'; readonly match: TextMatch }
  /** The workload's own port. */
  | { readonly kind: 'port'; readonly port: number };

export const ALWAYS: Expression = { kind: 'always' };
export const NEVER: Expression = { kind: 'never' };

/** True when all hold; true for none. Flat, without what cannot change the outcome. */
export function and(parts: readonly Expression[]): Expression {
  if (parts.some(part => part.kind === 'never')) return NEVER;
  const rest = parts.flatMap(part => (part.kind === 'and' ? part.of : part.kind === 'always' ? [] : [part]));
  return rest.length === 0 ? ALWAYS : rest.length === 1 ? rest[0]! : { kind: 'and', of: rest };
}

/** True when any holds; false for none. Flat, without what cannot change the outcome. */
export function or(parts: readonly Expression[]): Expression {
  if (parts.some(part => part.kind === 'always')) return ALWAYS;
  const rest = parts.flatMap(part => (part.kind === 'or' ? part.of : part.kind === 'never' ? [] : [part]));
  return rest.length === 0 ? NEVER : rest.length === 1 ? rest[0]! : { kind: 'or', of: rest };
}

export function not(part: Expression): Expression {
  if (part.kind === 'always') return NEVER;
  if (part.kind === 'never') return ALWAYS;
  return part.kind === 'not' ? part.of : { kind: 'not', of: part };
}

/** The expression that is left when the port is known: no comparison of ports remains. */
export function atPort(expression: Expression, port: number): Expression {
  switch (expression.kind) {
    case 'and':
      return and(expression.of.map(part => atPort(part, port)));
    case 'or':
      return or(expression.of.map(part => atPort(part, port)));
    case 'not':
      return not(atPort(expression.of, port));
    case 'port':
      return expression.port === port ? ALWAYS : NEVER;
    case 'always':
    case 'never':
    case 'authenticated':
    case 'principal':
    case 'namespace':
      return expression;
  }
}
