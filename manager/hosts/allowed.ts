import type { Identity } from '../../auth/identity.ts';
import { ConfigError, type FieldError } from '../model/util/errors.ts';

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

/** @throws {ConfigError} naming each pattern that is none. */
export function checkPatterns(patterns: readonly string[]): void {
  const errors: FieldError[] = patterns.flatMap((pattern, index) =>
    PATTERN.test(pattern)
      ? []
      : [
          {
            path: `identities[${index}]`,
            message: `must be <namespace>/<service account>, not "${pattern}"`,
            hint: 'try "default/*"',
          },
        ],
  );
  if (patterns.length === 0)
    errors.push({ path: 'identities', message: 'must name at least one', hint: 'try "default/*"' });
  if (errors.length > 0) throw new ConfigError('the join token', errors);
}
