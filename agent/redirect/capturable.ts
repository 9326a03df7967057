import { isIPv4, isIPv6 } from 'node:net';
import type { CaptureProblem } from './redirect.ts';
import { type CapturedUser, type HostCapture, PORTS } from './spec.ts';

/**
 * What of a host can be captured, and why the rest cannot: nobody is captured twice, and never root, proxy or agent. A name server on the
 * link alone is asked as without a mesh: its address means nothing without the link, and answers that come another way are not taken.
 */
export function capturable(capture: HostCapture): {
  readonly host: HostCapture;
  readonly problems: readonly CaptureProblem[];
} {
  const users = new Map<number, CapturedUser>();
  const problems: CaptureProblem[] = [];
  for (const user of capture.users) {
    const { uid } = user;
    const where = `user ${uid}${ofWorkload(user)}`;
    const first = users.get(uid);
    const own = [0, capture.proxyUid, capture.agentUid].includes(uid);
    if (own)
      problems.push({
        where,
        why: "is root's, the proxy's or the agent's own: run the workload as another user",
      });
    else if (first !== undefined)
      problems.push({ where, why: `is the user${ofWorkload(first)} already: give each workload a user of its own` });
    else users.set(uid, user);
  }
  const onLink = capture.dnsServers.filter(server => server.includes('%'));
  for (const server of new Set(onLink))
    problems.push({
      where: `name server ${server}`,
      why: 'is on the link alone, and does not know the mesh: have resolv.conf name a server by an address that is not link-local',
    });
  const dnsServers = capture.dnsServers.filter(server => !onLink.includes(server));
  const places = capture.askedPorts.length;
  if ([isIPv4, isIPv6].some(isOf => dnsServers.filter(server => isOf(server)).length > places))
    problems.push({
      where: 'name servers',
      why: `are asked as without a mesh, but for ${places}: other programs have ports that the agent needs (${PORTS.dns + 1}-${PORTS.lastDns}); end these and restart the agent`,
    });
  return { host: { ...capture, users: [...users.values()], dnsServers }, problems };
}

function ofWorkload({ workload }: CapturedUser): string {
  return workload === undefined ? '' : ` of workload ${workload}`;
}
