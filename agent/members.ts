import type { WorkloadPolicy } from '../manager/model/host-view.ts';
import { type LocalWorkload, type Selector, userOf } from '../platforms/platform.ts';
import type { WorkloadInput } from './compile/input.ts';
import { identityOf } from './compile/tls.ts';
import type { Account } from './state/accounts.ts';
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
  /** As whom a workload was in the mesh last, also in an earlier life of the agent. @param uid of the workload. */
  readonly before: (uid: string) => Account | undefined;
}

/**
 * Which workloads of the host are in the mesh. A workload joins once its policy and its certificate have come; until then its traffic goes
 * as it went before. From then on it stays, whatever runs out or is lost: to leave would open it to plaintext callers that its policy refuses.
 * So one that is given another service account keeps the one before until the certificate of the new one has come; its user too, as another
 * user must not get the account of the one before.
 * The same input objects come out while nothing changed for a workload. One that is another user from now on gets another port, so that
 * the connections of the user before end with their listener.
 */
export class Members {
  #inputs = new Map<string, WorkloadInput>();
  /** What is as it was before, by what it is to be. */
  readonly #keeping = new WeakMap<LocalWorkload, LocalWorkload>();

  /**
   * @param wanted all workloads of the host.
   * @returns all but those for whom no port is left.
   */
  update(wanted: readonly LocalWorkload[], facts: MemberFacts): readonly Member[] {
    const users = new Set(wanted.map(({ selector }) => userOf(selector)));
    const found = wanted.map(each => this.#state(this.#certified(each, users, facts), facts));
    for (const { local, state } of found) {
      const { uid } = local.workload;
      const [is, was] = [userOf(local.selector), userOf(facts.before(uid)?.selector)];
      if (state === 'joined' && is !== undefined && was !== undefined && is !== was) facts.ports.move(uid);
    }
    const ports = facts.ports.assign(
      wanted.filter(local => local.selector.kind !== 'namespace').map(local => local.workload.uid),
      () => new Set([...facts.held(), ...wanted.flatMap(({ workload }) => workload.ports.map(({ number }) => number))]),
    );
    const inputs = new Map<string, WorkloadInput>();
    const members = found.flatMap(({ local, policy, identity, state }): Member[] => {
      const { uid } = local.workload;
      const outboundPort = local.selector.kind === 'namespace' ? 0 : ports.get(uid);
      if (outboundPort === undefined) return [];
      const input = this.#keep(uid, { local, outboundPort, policy });
      inputs.set(uid, input);
      return [{ input, identity, state }];
    });
    this.#inputs = inputs;
    return members;
  }

  #state(
    local: LocalWorkload,
    { policy: policyOf, certified, before, trustDomain }: MemberFacts,
  ): Pick<Member, 'identity' | 'state'> & Pick<WorkloadInput, 'local' | 'policy'> {
    const identity = identityOf(local.workload, trustDomain);
    const policy = policyOf(local.workload.uid);
    const had = before(local.workload.uid)?.serviceAccount === local.workload.serviceAccount;
    const joined = had || certified(identity) ? 'joined' : 'waiting for certificate';
    return { local, policy, identity, state: policy === undefined ? 'waiting for policy' : joined };
  }

  /** @param users all that workloads are to be. */
  #certified(
    wanted: LocalWorkload,
    users: ReadonlySet<number | undefined>,
    { before, certified, trustDomain }: MemberFacts,
  ): LocalWorkload {
    const account = before(wanted.workload.uid);
    if (account === undefined) return wanted;
    const { serviceAccount, selector } = account;
    const workload = { ...wanted.workload, serviceAccount };
    if (serviceAccount === wanted.workload.serviceAccount || certified(identityOf(wanted.workload, trustDomain)))
      return wanted;
    if (isSamePlace(selector, wanted.selector)) return this.#kept(wanted, { ...wanted, workload });
    const user = userOf(selector);
    const alone = user !== undefined && userOf(wanted.selector) !== undefined && !users.has(user);
    return alone ? this.#kept(wanted, { workload, selector }) : wanted;
  }

  /** The same object while nothing changed. */
  #kept(wanted: LocalWorkload, kept: LocalWorkload): LocalWorkload {
    const same = this.#keeping.get(wanted) ?? kept;
    this.#keeping.set(wanted, same);
    return same;
  }

  #keep(uid: string, input: WorkloadInput): WorkloadInput {
    const before = this.#inputs.get(uid);
    const same =
      before?.local === input.local && before.outboundPort === input.outboundPort && before.policy === input.policy;
    return same ? before : input;
  }
}

/** A container that is started again is another network namespace at the same path. */
function isSamePlace(one: Selector, other: Selector): boolean {
  if (one.kind === 'namespace' && other.kind === 'namespace') return one.path === other.path;
  return userOf(one) !== undefined && userOf(one) === userOf(other);
}
