import type { Workload } from '../manager/model/workload.ts';
import type { Selector } from '../platforms/platform.ts';
import { outboundListenerName } from './compile/names.ts';
import { TYPE } from './compile/resource.ts';
import type { AdsStatus } from './envoy/ads/status.ts';
import type { Member } from './members.ts';
import type { CapturePlan, CaptureProblem } from './redirect/redirect.ts';
import type { CapturedUser, HostCapture, NamespaceCapture } from './redirect/spec.ts';

/** What capture on the host needs beside its workloads. */
export type CaptureFacts = Omit<HostCapture, 'users'>;

/**
 * Which workloads Envoy is ready for: the listeners of their calls, and of calls to them, stand there in some accepted version.
 * Traffic is captured for no other, as it would be captured to nowhere.
 */
export function readyMembers(members: readonly Member[], { resources }: AdsStatus): readonly Member[] {
  const listeners = resources.filter(({ typeUrl, accepted }) => typeUrl === TYPE.listener && accepted !== undefined);
  const standing = new Set(listeners.map(({ name }) => name));
  // An earlier version may stand in a namespace that is gone.
  const current = new Set(listeners.filter(({ state }) => state === 'accepted').map(({ name }) => name));
  return members.filter(({ input }) => {
    const { workload, selector } = input.local;
    const own = selector.kind === 'namespace';
    const needed = [outboundListenerName(workload.uid)];
    if (servedPorts(workload).length > 0) needed.push(own ? `inbound/${workload.uid}` : 'inbound');
    return needed.every(name => (own ? current : standing).has(name));
  });
}

/** Those whose listener Envoy refuses. */
export function refusedMembers(members: readonly Member[], { resources }: AdsStatus): readonly Member[] {
  return callersAt(members, new Set(resources.filter(({ state }) => state === 'rejected').map(({ name }) => name)));
}

/** Those whose listener is one of these. */
export function callersAt(members: readonly Member[], listeners: ReadonlySet<string>): readonly Member[] {
  return members.filter(({ input }) => listeners.has(outboundListenerName(input.local.workload.uid)));
}

/** Tells workloads apart by where their traffic is captured: one that got another namespace has to be captured anew. */
export function placeOf({ input: { local } }: Member): string {
  const { workload, selector } = local;
  return selector.kind === 'namespace' ? `${workload.uid} in ${selector.id}` : workload.uid;
}

/** Rules, and the workloads that none can be made for. */
export interface Planned {
  readonly plan: CapturePlan;
  readonly problems: readonly CaptureProblem[];
}

/** The rules for these workloads. */
export function capturePlan(members: readonly Member[], facts: CaptureFacts): Planned {
  const { virtualRanges, proxyUid } = facts;
  const users: CapturedUser[] = [];
  const namespaces: NamespaceCapture[] = [];
  const problems: CaptureProblem[] = [];
  for (const { input } of members) {
    const { selector, workload } = input.local;
    const ports = servedPorts(workload);
    if (selector.kind === 'user')
      users.push({
        uid: selector.uid,
        workload: workload.uid,
        listenerPort: input.outboundPort,
        ports,
        addresses: workload.addresses,
      });
    else if (selector.kind === 'namespace')
      namespaces.push({ path: selector.path, id: selector.id, virtualRanges, ports, proxyUid });
    else problems.push(uncapturable(workload, selector));
  }
  return { plan: { host: { ...facts, users }, namespaces }, problems };
}

function uncapturable({ uid }: Workload, { path }: Extract<Selector, { kind: 'cgroup' }>): CaptureProblem {
  return {
    where: `workload ${uid}`,
    why:
      `is told apart by its cgroup ${path}, which this agent cannot capture by; its traffic goes as without a mesh: ` +
      'run it as a user of its own, or in a network namespace of its own, and have its platform say so',
  };
}

function servedPorts({ ports }: Workload): number[] {
  return ports.filter(({ protocol }) => protocol !== 'udp').map(({ number }) => number);
}
