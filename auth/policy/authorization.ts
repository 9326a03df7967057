import type {
  AuthorizationOperation,
  AuthorizationPolicy,
  AuthorizationRule,
  AuthorizationSource,
} from '../../manager/model/config/security.ts';
import { ALWAYS, and, type Expression, NEVER, not, or, type TextMatch } from './expression.ts';

/**
 * What the policies of one workload allow, with Istio's meaning: a matching DENY refuses; then, if there is any ALLOW policy, one must
 * match; without policies everything is allowed.
 */
export function authorization(policies: readonly AuthorizationPolicy[]): Expression {
  const matching = (action: 'ALLOW' | 'DENY'): Expression =>
    or(policies.filter(policy => policy.spec.action === action).flatMap(policy => policy.spec.rules.map(rule)));
  const allowed = policies.some(policy => policy.spec.action === 'ALLOW') ? matching('ALLOW') : ALWAYS;
  return and([not(matching('DENY')), allowed]);
}

function rule({ from, to }: AuthorizationRule): Expression {
  return and([anyOf(from, entry => source(entry.source)), anyOf(to, entry => operation(entry.operation))]);
}

function source(source: AuthorizationSource): Expression {
  return and([
    anyOf(source.principals, principal),
    not(someOf(source.notPrincipals, principal)),
    anyOf(source.namespaces, namespace),
    not(someOf(source.notNamespaces, namespace)),
  ]);
}

function operation(operation: AuthorizationOperation): Expression {
  return and([anyOf(operation.ports, port), not(someOf(operation.notPorts, port))]);
}

/** As in Istio's messages, an empty list says the same as an absent one: no condition. */
function anyOf<T>(list: readonly T[] | undefined, one: (entry: T) => Expression): Expression {
  return list === undefined || list.length === 0 ? ALWAYS : or(list.map(one));
}

function someOf<T>(list: readonly T[] | undefined, one: (entry: T) => Expression): Expression {
  return list === undefined ? NEVER : or(list.map(one));
}

function principal(pattern: string): Expression {
  return pattern === '*' ? { kind: 'authenticated' } : { kind: 'principal', match: textMatch(pattern) };
}

function namespace(pattern: string): Expression {
  return { kind: 'namespace', match: textMatch(pattern) };
}

function port(port: string): Expression {
  return { kind: 'port', port: Number(port) };
}

/** `text`, `prefix*` or `*suffix`; a lone `*` is every text. */
function textMatch(pattern: string): TextMatch {
  if (pattern.startsWith('*')) return { kind: 'suffix', text: pattern.slice(1) };
  if (pattern.endsWith('*')) return { kind: 'prefix', text: pattern.slice(0, -1) };
  return { kind: 'exact', text: pattern };
}
