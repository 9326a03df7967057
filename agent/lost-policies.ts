import type { WorkloadPolicy } from '../manager/model/host-view.ts';
import type { PlatformProblem } from '../platforms/platform.ts';

const META = { namespace: '', labels: {}, annotations: {}, resourceVersion: '', creationTimestamp: '' };
const NOBODY: Omit<WorkloadPolicy, 'workload'> = {
  revision: 'unread',
  // One that allows no case: whoever else it lets in, this workload does not.
  authorization: [
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { ...META, name: 'policies-cannot-be-read' },
      spec: { action: 'ALLOW', rules: [] },
    },
  ],
  peerAuthentication: [],
  httpPorts: [],
};

/**
 * What stands in for policies that were on disk and are gone or cannot be read, until the Manager has sent them again: nobody is let in. Without any, a
 * workload would leave the mesh, and be open to all that its policies refuse.
 */
export class LostPolicies {
  readonly #standIns = new Map<string, WorkloadPolicy>();

  /** The same object for the same workload. */
  of(uid: string): WorkloadPolicy {
    const policy = this.#standIns.get(uid) ?? { ...NOBODY, workload: uid };
    this.#standIns.set(uid, policy);
    return policy;
  }

  /** The real one is there. */
  found(uid: string): void {
    this.#standIns.delete(uid);
  }

  /** For whom something stands in. */
  problems(): readonly PlatformProblem[] {
    return [...this.#standIns.keys()].map(uid => ({
      where: `workload ${uid}`,
      why: 'its policies on disk are gone or cannot be read, so it lets nobody in until the Manager has sent them again',
    }));
  }
}
