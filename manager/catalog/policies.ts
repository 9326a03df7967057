import { createHash } from 'node:crypto';
import { byAge, type ConfigObject } from '../model/config/object.ts';
import {
  type AuthorizationRule,
  isPolicy,
  OWN_TRUST_DOMAIN,
  type Policy,
  ROOT_NAMESPACE,
  selects,
} from '../model/config/security.ts';
import type { WorkloadPolicy } from '../model/host-view.ts';
import type { Workload } from '../model/workload.ts';

/** A policy whose principals name the mesh's trust domain as it is called. */
function canonical(policy: Policy, trustDomain: string): Policy {
  if (policy.kind === 'PeerAuthentication') return policy;
  const named = (principal: string): string =>
    principal.startsWith(`${OWN_TRUST_DOMAIN}/`) ? trustDomain + principal.slice(OWN_TRUST_DOMAIN.length) : principal;
  const rules = policy.spec.rules.map(({ from, ...rest }): AuthorizationRule => {
    if (from === undefined) return rest;
    const sources = from.map(({ source: { principals, notPrincipals, ...others } }) => ({
      source: {
        ...others,
        ...(principals && { principals: principals.map(named) }),
        ...(notPrincipals && { notPrincipals: notPrincipals.map(named) }),
      },
    }));
    return { ...rest, from: sources };
  });
  return { ...policy, spec: { ...policy.spec, rules } };
}

type Selected = Pick<Workload, 'namespace' | 'labels'>;

/** How narrowly a policy is aimed: 0 at workloads, 1 at a namespace, 2 at the mesh. */
function width(policy: Policy): number {
  if (policy.spec.selector !== undefined) return 0;
  return policy.metadata.namespace === ROOT_NAMESPACE ? 2 : 1;
}

function order(a: Policy, b: Policy): number {
  return width(a) - width(b) || byAge(a, b);
}

/** The policies of the mesh, and which of them hold for a workload. */
export class Policies {
  readonly #trustDomain: string;
  readonly #byNamespace = new Map<string, Map<string, Policy>>();
  readonly #namespaces = new Map<string, string>();

  /** @param trustDomain that of the mesh. */
  constructor(trustDomain: string) {
    this.#trustDomain = trustDomain;
  }

  /** Sets or takes out an object. @returns whether it chooses, or chose, a given workload; undefined when it is no policy. */
  set(key: string, object: ConfigObject | undefined): ((workload: Selected) => boolean) | undefined {
    const namespace = this.#namespaces.get(key);
    const before = namespace === undefined ? undefined : this.#byNamespace.get(namespace)?.get(key);
    if (namespace !== undefined) this.#byNamespace.get(namespace)?.delete(key);
    this.#namespaces.delete(key);
    const after = object && isPolicy(object) ? canonical(object, this.#trustDomain) : undefined;
    if (after) {
      const policies = this.#byNamespace.get(after.metadata.namespace) ?? new Map<string, Policy>();
      this.#byNamespace.set(after.metadata.namespace, policies.set(key, after));
      this.#namespaces.set(key, after.metadata.namespace);
    }
    if (!before && !after) return undefined;
    return workload =>
      (before !== undefined && selects(before, workload)) || (after !== undefined && selects(after, workload));
  }

  /** What holds for a workload; principals are canonical. The revision is a hash over what decides: writing an object anew without a change keeps it. */
  of(workload: Selected & Pick<Workload, 'uid'>): Omit<WorkloadPolicy, 'httpPorts'> {
    const namespaces = new Set([workload.namespace, ROOT_NAMESPACE]);
    const chosen = [...namespaces]
      .flatMap(namespace => [...(this.#byNamespace.get(namespace)?.values() ?? [])])
      .filter(policy => selects(policy, workload))
      .sort(order);
    const authorization = chosen.filter(policy => policy.kind === 'AuthorizationPolicy');
    const peerAuthentication = chosen.filter(policy => policy.kind === 'PeerAuthentication');
    return { workload: workload.uid, revision: revisionOf(chosen), authorization, peerAuthentication };
  }
}

function revisionOf(policies: readonly Policy[]): string {
  const content = policies.map(({ kind, metadata, spec }) => [kind, metadata.namespace, metadata.name, spec]);
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16);
}
