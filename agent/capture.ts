import { TYPE } from './compile/resource.ts';
import type { AdsStatus } from './envoy/ads/status.ts';
import type { Member } from './members.ts';
import type { CapturePlan } from './redirect/redirect.ts';

export interface CaptureFacts {
  readonly virtualRanges: readonly string[];
  readonly dnsServers: readonly string[];
  readonly proxyUid: number;
  readonly agentUid: number;
}

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
    const needed = [`out/${workload.uid}`];
    if (servedPorts(workload).length > 0) needed.push(own ? `inbound/${workload.uid}` : 'inbound');
    return needed.every(name => (own ? current : standing).has(name));
  });
}

/** Tells workloads apart by where their traffic is captured: one that got another namespace has to be captured anew. */
export function placeOf({ input: { local } }: Member): string {
  const { workload, selector } = local;
  return selector.kind === 'namespace' ? `${workload.uid} in ${selector.id}` : workload.uid;
}

/** The rules for these workloads. */
export function capturePlan(members: readonly Member[], facts: CaptureFacts): CapturePlan {
  const { virtualRanges, dnsServers, proxyUid, agentUid } = facts;
  const users = members.flatMap(({ input: { local, outboundPort } }) => {
    const { selector, workload } = local;
    return selector.kind === 'user'
      ? [{ uid: selector.uid, listenerPort: outboundPort, ports: servedPorts(workload) }]
      : [];
  });
  const namespaces = members.flatMap(({ input: { local } }) => {
    const { selector, workload } = local;
    return selector.kind === 'namespace'
      ? [{ path: selector.path, id: selector.id, virtualRanges, ports: servedPorts(workload), proxyUid }]
      : [];
  });
  return { host: { virtualRanges, users, proxyUid, agentUid, dnsServers }, namespaces };
}

function servedPorts({ ports }: Member['input']['local']['workload']): number[] {
  return ports.filter(({ protocol }) => protocol !== 'udp').map(({ number }) => number);
}
