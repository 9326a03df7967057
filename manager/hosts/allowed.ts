import type { Identity } from '../../auth/identity.ts';
import { ConfigError, type FieldError } from '../model/util/errors.ts';
import type { EntryProblem } from '../model/util/fields.ts';

const PATTERN = /^(\*|[a-z0-9.-]+|[a-z0-9.-]*\*)\/(\*|[A-Za-z0-9._-]+|[A-Za-z0-9._-]*\*)$/;

/**
 * Whether one of the patterns `<namespace>/<service account>` allows an identity; `*` at the end of a part stands for anything,
 * also nothing.
 */
export function allows(patterns: readonly string[], identity: Pick<Identity, 'namespace' | 'serviceAccount'>): boolean {
  return patterns.some(pattern => {
    const [namespace = '', account = ''] = pattern.split('/');
    return fits(namespace, identity.namespace) && fits(account, identity.serviceAccount);
  });
}

/** Whether one of the patterns allows some identity of a namespace. */
export function allowsNamespace(patterns: readonly string[], namespace: string): boolean {
  return patterns.some(pattern => fits(pattern.split('/', 1)[0]!, namespace));
}

function fits(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : pattern === text;
}

/** What is wrong with a pattern, and how to mend it; undefined when nothing is. */
export function patternProblem(pattern: string): EntryProblem | undefined {
  if (PATTERN.test(pattern)) return undefined;
  return [
    `"${pattern}" is no identity`,
    'write <namespace>/<service account>, such as "default/web" or "default/*"; a * stands at the end of either',
  ];
}

/** @throws {ConfigError} naming each pattern that is none. */
export function checkPatterns(patterns: readonly string[]): void {
  const errors: FieldError[] = patterns.flatMap((pattern, index) => {
    const [message, hint] = patternProblem(pattern) ?? [];
    return message === undefined
      ? []
      : [{ path: `identities[${index}]`, message, ...(hint !== undefined && { hint }) }];
  });
  if (patterns.length === 0)
    errors.push({ path: 'identities', message: 'must name at least one', hint: 'try "default/*"' });
  if (errors.length > 0) throw new ConfigError('the join token', errors);
}
