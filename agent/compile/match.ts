import type { HttpMatch, StringMatch } from '../../manager/model/config/virtual-service.ts';
import type { JsonMap } from './resource.ts';

/** A match of a VirtualService as Envoy's RouteMatch. The port is not part of it: route tables are by port. */
export function routeMatch({ uri, method, authority, headers = {}, ignoreUriCase = false }: HttpMatch): JsonMap {
  const conditions = Object.entries(headers).map(([name, match]) => header(name, match));
  if (method !== undefined) conditions.push(header(':method', method));
  if (authority !== undefined) conditions.push(header(':authority', authority));
  return {
    ...path(uri),
    ...(ignoreUriCase ? { case_sensitive: false } : {}),
    ...(conditions.length === 0 ? {} : { headers: conditions }),
  };
}

function path(uri: StringMatch | undefined): JsonMap {
  if (uri === undefined) return { prefix: '/' };
  if ('exact' in uri) return { path: uri.exact };
  return 'prefix' in uri ? { prefix: uri.prefix } : { safe_regex: { regex: uri.regex } };
}

function header(name: string, match: StringMatch): JsonMap {
  if ('exact' in match) return { name, string_match: { exact: match.exact } };
  // Every value begins with the empty text, but Envoy refuses an empty prefix.
  if ('prefix' in match)
    return match.prefix === '' ? { name, present_match: true } : { name, string_match: { prefix: match.prefix } };
  return { name, string_match: { safe_regex: { regex: match.regex } } };
}
