import type { Expression, TextMatch } from '../../auth/policy/expression.ts';
import { SOURCE_KEY, typed } from './names.ts';
import type { Json, JsonMap } from './resource.ts';

const SCHEME = 'spiffe://';
/** Reads who calls: stamped by the listener that captured the connection, or from the certificate of its tunnel. */
const SOURCE: JsonMap = filterState(SOURCE_KEY);

/** A condition over who calls, as a predicate of Envoy's matchers; it serves filter chains and routes alike. Ports must be settled. */
function predicate(expression: Expression): JsonMap {
  switch (expression.kind) {
    case 'and':
      return { and_matcher: { predicate: expression.of.map(predicate) } };
    case 'or':
      return { or_matcher: { predicate: expression.of.map(predicate) } };
    case 'not':
      return { not_matcher: predicate(expression.of) };
    case 'authenticated':
      return source({ prefix: SCHEME });
    case 'principal':
      return source(principal(expression.match));
    case 'namespace':
      return source({
        safe_regex: { google_re2: {}, regex: `${SCHEME}[^/]+/ns/${namespace(expression.match)}/sa/[^/]+` },
      });
    case 'always':
    case 'never':
    case 'port':
      throw new TypeError(`a predicate cannot be made of "${expression.kind}": settle it with atPort first`);
  }
}

function source(match: JsonMap): JsonMap {
  return { single_predicate: { input: SOURCE, value_match: match } };
}

function principal(match: TextMatch): JsonMap {
  switch (match.kind) {
    case 'exact':
      return { exact: SCHEME + match.text };
    case 'prefix':
      return { prefix: SCHEME + match.text };
    case 'suffix':
      // A lone `**` leaves an empty text, which Envoy refuses as a suffix.
      return match.text === '' ? { prefix: SCHEME } : { suffix: match.text };
  }
}

function namespace(match: TextMatch): string {
  const text = match.text.replace(/[^A-Za-z0-9-]/g, '\\$&');
  switch (match.kind) {
    case 'exact':
      return text;
    case 'prefix':
      return `${text}[^/]*`;
    case 'suffix':
      return `[^/]*${text}`;
  }
}

/** What a matcher looks at: one value of the connection's filter state. */
export function filterState(key: string): JsonMap {
  return { name: key, typed_config: typed('matching.common_inputs.network.v3.FilterStateInput', { key }) };
}

/** Outcome of a matcher in a route table: the first of these routes that matches the request. */
export function routeAction(name: string, routes: readonly JsonMap[]): JsonMap {
  return { name, typed_config: { '@type': 'type.googleapis.com/envoy.config.route.v3.RouteList', routes } };
}

/** One of two outcomes by who calls; the expression must be settled for the port. */
export function choose(
  expression: Expression,
  allowed: { readonly name: string; readonly typed_config: Json },
  refused?: { readonly name: string; readonly typed_config: Json },
): JsonMap {
  const otherwise = refused === undefined ? {} : { on_no_match: { action: refused } };
  if (expression.kind === 'always') return { on_no_match: { action: allowed } };
  if (expression.kind === 'never') return otherwise;
  return {
    matcher_list: { matchers: [{ predicate: predicate(expression), on_match: { action: allowed } }] },
    ...otherwise,
  };
}
