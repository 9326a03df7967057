import { describeObject } from '../../manager/model/config/object.ts';
import type { MtlsMode, PeerAuthentication } from '../../manager/model/config/security.ts';

/** What callers without identity meet at a port, and which object says so. */
export interface EffectiveMtls {
  readonly mode: Exclude<MtlsMode, 'UNSET'>;
  /** Such as `PeerAuthentication default/strict`; absent when nothing was said. */
  readonly origin?: string;
}

/**
 * The mode in force at a port of a workload: of the narrowest policy that sets one; PERMISSIVE when none does.
 *
 * @param policies narrowest first: workload, namespace, mesh.
 */
export function effectiveMtls(policies: readonly PeerAuthentication[], port: number): EffectiveMtls {
  for (const policy of policies) {
    const own = policy.spec.portLevelMtls[String(port)]?.mode ?? 'UNSET';
    const mode = own === 'UNSET' ? policy.spec.mtls.mode : own;
    if (mode !== 'UNSET') return { mode, origin: describeObject(policy) };
  }
  return { mode: 'PERMISSIVE' };
}
