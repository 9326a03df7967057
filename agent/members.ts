import { isDeepStrictEqual } from 'node:util';
import type { WorkloadPolicy } from '../manager/model/host-view.ts';
import type { LocalWorkload } from '../platforms/platform.ts';
import type { WorkloadInput } from './compile/input.ts';
import { identityOf } from './compile/tls.ts';
import type { OutboundPorts } from './state/outbound-ports.ts';
import type { WorkloadState } from './status/status.ts';

/** A workload of this host and how far it came. */
export interface Member {
  readonly input: WorkloadInput;
  readonly identity: string;
  /** `waiting for proxy` is for the proxy to say; here a workload has all that it needs, or not. */
  readonly state: Exclude<WorkloadState, 'waiting for proxy'>;
}

export interface MemberFacts {
  readonly trustDomain: string;
  readonly ports: OutboundPorts;
  /** Ports that programs of the host have sockets at. */
  readonly held: () => ReadonlySet<number>;
  readonly policy: (uid: string) => WorkloadPolicy | undefined;
  /** Whether a certificate was ever given for the identity, run out or not. */
  readonly certified: (identity: string) => boolean;
}

/**
 * Which workloads of the host are in the mesh. A workload joins once its policy and its certificate have come; until then its traffic goes
 * as it went before. From then on it stays, whatever runs out: to leave would open it to plaintext callers that its policy refuses.
 * So one that is given another service account keeps the one before until the certificate of the new one has come.
 * The same input objects come out while nothing changed for a workload. One that is another user from now on gets another port, so that
 * the connections of the user before end with their listener.
 */
export class Members {
  #inputs = new Map<string, WorkloadInput>();
  /** What has the service account from before, by what it is to be. */
  readonly #keeping = new WeakMap<LocalWorkload, LocalWorkload>();

  /**
   * @param workloads all of the host.
   * @returns all but those for whom no port is left.
   */
  update(workloads: readonly LocalWorkload[], facts: MemberFacts): readonly Member[] {
    for (const { workload, selector } of workloads) {
      const before = this.#inputs.get(workload.uid)?.local.selector;
      if (before?.kind === 'user' && selector.kind === 'user' && before.uid !== selector.uid)
        facts.ports.move(workload.uid);
    }
    const ports = facts.ports.assign(
      workloads.filter(local => local.selector.kind !== 'namespace').map(local => local.workload.uid),
      () =>
        new Set([...facts.held(), ...workloads.flatMap(({ workload }) => workload.ports.map(({ number }) => number))]),
    );
    const inputs = new Map<string, WorkloadInput>();
    const members = workloads.flatMap((wanted): Member[] => {
      const { uid } = wanted.workload;
      const local = this.#certified(wanted, facts);
      const outboundPort = local.selector.kind === 'namespace' ? 0 : ports.get(uid);
      if (outboundPort === undefined) return [];
      const identity = identityOf(local.workload, facts.trustDomain);
      const policy = facts.policy(uid);
      const input = this.#keep(uid, { local, outboundPort, policy });
      inputs.set(uid, input);
      const joined = facts.certified(identity) ? 'joined' : 'waiting for certificate';
      return [{ input, identity, state: policy === undefined ? 'waiting for policy' : joined }];
    });
    this.#inputs = inputs;
    return members;
  }

  /** Another user never gets the account of the one before. */
  #certified(wanted: LocalWorkload, { certified, trustDomain }: MemberFacts): LocalWorkload {
    const before = this.#inputs.get(wanted.workload.uid)?.local;
    if (before === undefined || !isDeepStrictEqual(before.selector, wanted.selector)) return wanted;
    const [is, was] = [wanted, before].map(({ workload }) => identityOf(workload, trustDomain));
    if (is === was || certified(is!) || !certified(was!)) return wanted;
    const { serviceAccount } = before.workload;
    const kept = this.#keeping.get(wanted) ?? { ...wanted, workload: { ...wanted.workload, serviceAccount } };
    this.#keeping.set(wanted, kept);
    return kept;
  }

  #keep(uid: string, input: WorkloadInput): WorkloadInput {
    const before = this.#inputs.get(uid);
    const same =
      before?.local === input.local && before.outboundPort === input.outboundPort && before.policy === input.policy;
    return same ? before : input;
  }
}
