import {
  type AuthorizationPolicy,
  OWN_TRUST_DOMAIN,
  type PeerAuthentication,
  type Policy,
  ROOT_NAMESPACE,
  selects,
} from '../model/config/security.ts';
import type { Workload } from '../model/workload.ts';
import { describeSelector } from './selector.ts';
import type { Warn } from './warning.ts';

/** What must be known of a workload to check what is aimed at it. */
export type KnownWorkload = Pick<Workload, 'namespace' | 'labels'> & {
  readonly ports: readonly { readonly number: number }[];
};

/** The mesh as policies see it. */
export interface PolicyWorld {
  readonly workloads: () => readonly KnownWorkload[];
  readonly trustDomain: string;
}

/** Where Istio has the policies of its whole mesh. */
const ISTIO_ROOT = 'istio-system';

/** Tells of a policy that refuses, or lets in, nobody that was meant: it is right by itself, and nothing else would say so. */
export function checkPolicy(policy: Policy, world: PolicyWorld | undefined, warn: Warn): void {
  const { namespace } = policy.metadata;
  const { selector } = policy.spec;
  const found = world?.workloads().filter(workload => selects(policy, workload)) ?? [];
  if (namespace === ISTIO_ROOT && found.length === 0)
    warn(
      'metadata.namespace',
      `"${ISTIO_ROOT}" is a namespace like others here, and this holds in it alone`,
      `policies for the whole mesh are in "${ROOT_NAMESPACE}"`,
    );
  else if (world && selector && found.length === 0)
    warn('spec.selector', `no workload that is known carries ${describeSelector(selector)}`, undefined, 'early');
  if (policy.kind === 'PeerAuthentication') checkPortLevels(policy, found, warn);
  else checkRules(policy, world, found, warn);
}

function checkPortLevels({ spec }: PeerAuthentication, found: readonly KnownWorkload[], warn: Warn): void {
  for (const port of Object.keys(spec.portLevelMtls)) checkPort(port, found, `spec.portLevelMtls.${port}`, warn);
}

function checkRules(
  { spec }: AuthorizationPolicy,
  world: PolicyWorld | undefined,
  found: readonly KnownWorkload[],
  warn: Warn,
): void {
  for (const [index, { from = [], to = [] }] of spec.rules.entries()) {
    const at = `spec.rules[${index}]`;
    for (const [nth, { source }] of from.entries())
      for (const field of ['principals', 'notPrincipals'] as const)
        for (const [which, principal] of (source[field] ?? []).entries())
          if (world) checkTrustDomain(principal, world, `${at}.from[${nth}].source.${field}[${which}]`, warn);
    for (const [nth, { operation }] of to.entries())
      for (const field of ['ports', 'notPorts'] as const)
        for (const [which, port] of (operation[field] ?? []).entries())
          checkPort(port, found, `${at}.to[${nth}].operation.${field}[${which}]`, warn);
  }
}

function checkTrustDomain(principal: string, { trustDomain }: PolicyWorld, path: string, warn: Warn): void {
  const [domain = '', ...rest] = principal.split('/');
  // A pattern is silent on it, or may be.
  if (rest.length === 0 || domain.startsWith('*') || [trustDomain, OWN_TRUST_DOMAIN].includes(domain)) return;
  const hint = `the trust domain of this mesh is "${trustDomain}": try "${[trustDomain, ...rest].join('/')}"`;
  warn(path, `"${principal}" is nobody here`, hint);
}

/** Callers use other numbers where a service has a port of its own in front of its workloads'. */
function checkPort(port: string, found: readonly KnownWorkload[], path: string, warn: Warn): void {
  if (found.length === 0 || found.some(({ ports }) => ports.some(({ number }) => String(number) === port))) return;
  const numbers = [...new Set(found.flatMap(({ ports }) => ports.map(({ number }) => number)))].sort((a, b) => a - b);
  const has = numbers.length === 0 ? 'none' : numbers.slice(0, 5).join(', ');
  warn(
    path,
    `no workload that this is for has a port ${port}: ports are those that workloads listen on`,
    `they have ${has}`,
  );
}
