import type { StringMatch } from '../model/config/virtual-service.ts';
import type { Fields } from '../model/util/fields.ts';
import { re2Problem } from './re2.ts';

const WAYS = ['exact', 'prefix', 'regex'] as const;

/** Reads a map of exactly one of `exact`, `prefix` and `regex`. */
export function readStringMatch(parent: Fields, name: string): StringMatch | undefined {
  const raw = parent.raw(name);
  if (typeof raw === 'string')
    return parent.fail(name, `must say how to compare, not "${raw}"`, `try {exact: "${raw}"}`);
  return matchOf(parent.map(name));
}

/** Reads a map of header names to matches. An empty match asks only that the header is there, as in Istio. */
export function readHeaderMatches(parent: Fields, name: string): Record<string, StringMatch> | undefined {
  const headers = parent.map(name);
  if (!headers) return undefined;
  const matches: Record<string, StringMatch> = {};
  for (const header of headers.names()) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(header)) headers.fail(header, 'is no header name');
    const name = header.toLowerCase();
    if (Object.hasOwn(matches, name)) headers.fail(header, 'is there twice: upper and lower case are the same');
    // Left blank, it would be no condition at all.
    if (!headers.has(header)) headers.fail(header, 'says nothing', 'write {} for a header that must only be there');
    const isEmpty = JSON.stringify(headers.raw(header)) === '{}';
    // Header values have no line breaks, so this matches whatever value there is.
    const match = isEmpty ? { regex: '.*' } : readStringMatch(headers, header);
    if (match) matches[name] = match;
  }
  return matches;
}

function matchOf(fields: Fields | undefined): StringMatch | undefined {
  if (!fields) return undefined;
  const given = WAYS.filter(way => fields.has(way));
  const values = WAYS.map(way => fields.string(way));
  fields.unknown();
  if (given.length !== 1) {
    const found = given.length === 0 ? 'none' : given.join(' and ');
    fields.failHere(`must have exactly one of exact, prefix and regex, not ${found}`);
    return undefined;
  }
  const [exact, prefix, regex] = values;
  const problem = regex === undefined ? undefined : re2Problem(regex);
  if (problem !== undefined) return fields.fail('regex', `"${regex}" ${problem}`);
  if (exact !== undefined) return { exact };
  if (prefix !== undefined) return { prefix };
  return regex === undefined ? undefined : { regex };
}
