import type { Workload } from '../workload.ts';
import type { ConfigObject } from './object.ts';

/** Policies of this namespace hold for the whole mesh. */
export const ROOT_NAMESPACE = 'isthmus-system';

/** How Istio's users write the trust domain of the mesh they are in, whatever it is called. */
export const OWN_TRUST_DOMAIN = 'cluster.local';

/** Chooses workloads by labels in the object's namespace; absent means all of the namespace (all of the mesh in the root namespace). */
export interface WorkloadSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
}

/** What inbound plaintext meets: served, or refused. */
export type MtlsMode = 'UNSET' | 'PERMISSIVE' | 'STRICT' | 'DISABLE';

/** `security.istio.io/v1` PeerAuthentication. */
export interface PeerAuthenticationSpec {
  readonly selector?: WorkloadSelector;
  readonly mtls: { readonly mode: MtlsMode };
  /** By the workload's port number. Only together with a selector. */
  readonly portLevelMtls: Readonly<Record<string, { readonly mode: MtlsMode }>>;
}

export type PeerAuthentication = ConfigObject<'PeerAuthentication', PeerAuthenticationSpec>;

/** Who calls: every given list must match, one entry of a list is enough. Entries: exact, `prefix*`, `*suffix`, `*`. */
export interface AuthorizationSource {
  /** SPIFFE IDs without `spiffe://`, as Istio writes them: `isthmus.mesh/ns/default/sa/web`. */
  readonly principals?: readonly string[];
  readonly notPrincipals?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly notNamespaces?: readonly string[];
}

/** What is called. Ports are the workload's own. */
export interface AuthorizationOperation {
  readonly ports?: readonly string[];
  readonly notPorts?: readonly string[];
}

/** All given parts must match; an empty rule matches always. */
export interface AuthorizationRule {
  readonly from?: readonly { readonly source: AuthorizationSource }[];
  readonly to?: readonly { readonly operation: AuthorizationOperation }[];
}

/** `security.istio.io/v1` AuthorizationPolicy, as far as it is built. An ALLOW policy with no rules allows nothing. */
export interface AuthorizationPolicySpec {
  readonly selector?: WorkloadSelector;
  readonly action: 'ALLOW' | 'DENY';
  readonly rules: readonly AuthorizationRule[];
}

export type AuthorizationPolicy = ConfigObject<'AuthorizationPolicy', AuthorizationPolicySpec>;

/** What says who is let in to workloads. */
export type Policy = AuthorizationPolicy | PeerAuthentication;

export function isPolicy(object: ConfigObject): object is Policy {
  return object.kind === 'AuthorizationPolicy' || object.kind === 'PeerAuthentication';
}

/** Whether a policy is for a workload. */
export function selects({ metadata, spec }: Policy, workload: Pick<Workload, 'namespace' | 'labels'>): boolean {
  const { namespace } = metadata;
  if (namespace !== ROOT_NAMESPACE && namespace !== workload.namespace) return false;
  const labels = Object.entries(spec.selector?.matchLabels ?? {});
  return labels.every(([key, value]) => workload.labels[key] === value);
}
