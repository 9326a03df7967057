import type {
  AuthorizationOperation,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
} from '../model/config/security.ts';
import { compact } from '../model/util/compact.ts';
import type { EntryProblem, Fields } from '../model/util/fields.ts';
import type { Kind } from './kind.ts';
import { describeSelector, readSelector } from './selector.ts';

/** https://istio.io/latest/docs/reference/config/security/authorization-policy/ */
export const authorizationPolicyKind: Kind<'AuthorizationPolicy', AuthorizationPolicySpec> = {
  group: 'security.istio.io',
  versions: ['v1', 'v1beta1'],
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  singular: 'authorizationpolicy',
  shortNames: ['ap'],
  summary: 'who may call which workloads',
  parse(spec) {
    const selector = readSelector(spec);
    const action = spec.raw('action');
    if (action === 'AUDIT' || action === 'CUSTOM') spec.fail('action', `"${action}" is not supported yet`);
    const known = action === 'AUDIT' || action === 'CUSTOM' ? undefined : spec.oneOf('action', ['ALLOW', 'DENY']);
    const rules = spec.list('rules').map(readRule);
    spec.notYet(['targetRef', 'targetRefs', 'provider']);
    spec.unknown();
    return compact({ selector, action: known ?? 'ALLOW', rules });
  },
  describe({ selector, action, rules }) {
    const who = rules.length === 0 ? 'nobody' : rules.map(describeRule).join('; ');
    return `${describeSelector(selector)}: ${action} ${who}`;
  },
};

/** `isthmus.mesh/ns/default/sa/web, everybody but not namespace shop, at port 8080`. */
function describeRule({ from, to }: AuthorizationRule): string {
  const who = from?.map(({ source }) => describeSource(source)).join(', ') ?? 'everybody';
  return to === undefined ? who : `${who}, at ${to.map(({ operation }) => describeOperation(operation)).join(' or ')}`;
}

function describeSource({ principals, notPrincipals, namespaces, notNamespaces }: AuthorizationSource): string {
  const are = [oneOf('', principals), oneOf('namespace ', namespaces)].filter(text => text !== undefined);
  const areNot = [oneOf('', notPrincipals), oneOf('namespace ', notNamespaces)].filter(text => text !== undefined);
  const who = are.length === 0 ? 'everybody' : are.join(' in ');
  return areNot.length === 0 ? who : `${who} but not ${areNot.join(' nor ')}`;
}

function describeOperation({ ports, notPorts }: AuthorizationOperation): string {
  const at = oneOf('port ', ports) ?? 'every port';
  return notPorts === undefined ? at : `${at} but not ${notPorts.join(' or ')}`;
}

function oneOf(prefix: string, entries: readonly string[] | undefined): string | undefined {
  return entries && `${prefix}${entries.join(' or ')}`;
}

function readRule(rule: Fields): AuthorizationRule {
  const from = readNonEmpty(rule, 'from', 'source', readSource);
  const to = readNonEmpty(rule, 'to', 'operation', readOperation);
  rule.notYet(['when']);
  rule.unknown();
  return compact({ from, to });
}

/**
 * Reads a list of maps that each hold one map, none of them empty: as in Istio, an empty one would not mean what it seems to. What was
 * left blank is empty too, or it would let everybody in.
 */
function readNonEmpty<Part extends string, T extends object>(
  rule: Fields,
  name: string,
  part: Part,
  read: (fields: Fields) => T,
): readonly { readonly [K in Part]: T }[] | undefined {
  if (!rule.names().includes(name)) return undefined;
  const entries = rule.list(name);
  if (isEmptyList(rule.raw(name))) rule.fail(name, 'is an empty list', `remove it to match every ${part}`);
  return entries.flatMap(entry => {
    const before = rule.errors.length;
    const fields = entry.map(part);
    const value = fields && read(fields);
    entry.unknown();
    if (value && Object.keys(value).length > 0) return [{ [part]: value } as { [K in Part]: T }];
    if (rule.errors.length === before) entry.fail(part, 'says nothing', `remove "${name}" to match every ${part}`);
    return [];
  });
}

/** @param value of a field that is there: left blank, it is no value. */
function isEmptyList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function readSource(fields: Fields): AuthorizationSource {
  const source = compact({
    principals: readPatterns(fields, 'principals', checkPrincipal),
    notPrincipals: readPatterns(fields, 'notPrincipals', checkPrincipal),
    namespaces: readPatterns(fields, 'namespaces', checkPattern),
    notNamespaces: readPatterns(fields, 'notNamespaces', checkPattern),
  });
  fields.notYet(['requestPrincipals', 'notRequestPrincipals', 'ipBlocks', 'notIpBlocks', 'remoteIpBlocks']);
  fields.notYet(['notRemoteIpBlocks', 'serviceAccounts', 'notServiceAccounts']);
  fields.unknown();
  return source;
}

function readOperation(fields: Fields): AuthorizationOperation {
  const operation = compact({
    ports: readPatterns(fields, 'ports', checkPort),
    notPorts: readPatterns(fields, 'notPorts', checkPort),
  });
  fields.notYet(['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths']);
  fields.unknown();
  return operation;
}

type Check = (entry: string) => EntryProblem | undefined;

function readPatterns(fields: Fields, name: string, check: Check): readonly string[] | undefined {
  const entries = fields.strings(name, check);
  if (fields.names().includes(name) && isEmptyList(fields.raw(name)))
    fields.fail(name, 'is an empty list', 'remove it');
  return entries;
}

/** A pattern that is taken for another text than was meant would match nobody: a DENY would let in whom it names. */
function checkPattern(entry: string): EntryProblem | undefined {
  const hint = 'use "prefix*", "*suffix" or "*"';
  if (entry.slice(1, -1).includes('*')) return [`"${entry}" has a "*" in the middle, where it means nothing`, hint];
  if (entry.length > 1 && entry.startsWith('*') && entry.endsWith('*'))
    return [`"${entry}" has a "*" at both ends, of which one would be taken for itself`, hint];
  return undefined;
}

const HOW_WRITTEN = 'write <trust domain>/ns/<namespace>/sa/<service account>, or a pattern such as "*/sa/web"';
/** What identities begin with, of any length. */
const BEGINNING = /^([^/]+(\/(n|ns|ns\/([^/]+(\/(s|sa|sa\/[^/]*)?)?)?)?)?)?$/;

function checkPrincipal(entry: string): EntryProblem | undefined {
  if (entry.startsWith('spiffe://')) return [`"${entry}" must not begin with spiffe://`, `try "${entry.slice(9)}"`];
  if (!entry.includes('*') && !/^[^/]+\/ns\/[^/]+\/sa\/[^/]+$/.test(entry))
    return [`"${entry}" is no identity`, HOW_WRITTEN];
  const problem = checkPattern(entry);
  if (problem) return problem;
  if (entry.endsWith('*') && !BEGINNING.test(entry.slice(0, -1)))
    return [`"${entry}" is how no identity begins`, HOW_WRITTEN];
  return undefined;
}

function checkPort(entry: string): EntryProblem | undefined {
  if (/^[1-9]\d{0,4}$/.test(entry) && Number(entry) <= 65_535) return undefined;
  return [`"${entry}" is no port number`, 'try "9080"'];
}
