import { isIPv6 } from 'node:net';
import { holdersOf } from './holders.ts';
import { askedRules, askedSets } from './namespace-dns.ts';
import {
  ALIVE_MS,
  type CapturedUser,
  DELIVERY_PRIORITY,
  type HostCapture,
  type NamespaceCapture,
  PORTS,
} from './spec.ts';

/** A table of nftables in two parts: what is replaced as a whole, and elements that come and go one by one. */
export interface Ruleset {
  /** The sets, maps and chains; `%name%` stands for the elements of a set. */
  readonly structure: string;
  /** Elements by set or map; of a map as `key : value`. */
  readonly elements: Readonly<Record<string, readonly string[]>>;
}

/** Our table; all that we add to nftables lies in it. */
export const TABLE = 'inet isthmus';

/** What not every kernel has. */
export interface KernelFeatures {
  /** Conntrack timeouts by rule (CONFIG_NF_CONNTRACK_TIMEOUT). */
  readonly udpTimeouts: boolean;
}

/**
 * The kernel decides once per UDP socket and peer whether to capture, and remembers that for 30 seconds of silence. A program that
 * asks again and again from one socket would stay with a dead agent, or outside of the mesh, for as long. So it forgets sooner:
 * later than our own server gives up on an answer, and sooner than glibc asks again (5 s).
 */
const FORGET_SECONDS = 4;

function timeoutObject(name: string, l3proto: string): string {
  const policy = `policy = { unreplied : ${FORGET_SECONDS}, replied : ${FORGET_SECONDS} }`;
  return `\n  ct timeout ${name} {\n    protocol udp;\n    l3proto ${l3proto};\n    ${policy}\n  }`;
}

/** The timeouts, and what sets them for questions of each family. */
function dnsTimeouts({ udpTimeouts }: KernelFeatures): {
  readonly objects: string;
  readonly 4: string;
  readonly 6: string;
} {
  if (!udpTimeouts) return { objects: '', 4: '', 6: '' };
  return {
    objects: timeoutObject('brief4', 'ip') + timeoutObject('brief6', 'ip6'),
    4: 'meta l4proto udp ct timeout set "brief4"',
    6: 'meta l4proto udp ct timeout set "brief6"',
  };
}

/** A connection was judged by its first packet; the others need no more than this. */
const STANDING = 'ct state established accept';

/**
 * An agent that was just killed is no reason for a program to give up at once: without a refusal it waits, asks again, and is
 * answered, by the next agent or by its own server.
 */
const UNANSWERED = `meta l4proto { icmp, icmpv6 } ct state related ct reply proto-src ${PORTS.dns}-${PORTS.lastNamespaceDns} drop`;

/**
 * What is captured keeps the virtual IP as its address and gets the port of a listener. Were all virtual IPs turned into 127.0.0.1, a call
 * from a port that just called another service would look to the kernel like an old packet of that call: its timestamps are others, and
 * TIME-WAIT rejects it (RFC 7323, 5.3). Programs that connect often would wait at every other connection.
 */
const UNCAPTURED = 'ct status & dnat == 0 jump refuse';

/** Before Docker's and kube-proxy's, which are at -100. */
const NAT_PRIORITY = -105;

/**
 * The rules of the host itself, where workloads are told apart by user; its users are all capturable.
 * The set `alive` holds one constant key for as long as the agent answers: a mark masked to 0 is a key that every packet has.
 */
export function hostRuleset(capture: HostCapture, kernel: KernelFeatures): Ruleset {
  const { proxyUid, agentUid } = capture;
  const exempt = [...new Set([0, agentUid, proxyUid])].join(', ');
  const timeouts = dnsTimeouts(kernel);
  const setTimeouts = timeouts[4] && `\n    ip daddr @dns4 ${timeouts[4]}\n    ip6 daddr @dns6 ${timeouts[6]}`;
  const structure = `
${virtualSets(capture.virtualRanges)}${timeouts.objects}
  set dns4 { type ipv4_addr; %dns4% }
  set dns6 { type ipv6_addr; %dns6% }
  set users { typeof meta skuid; %users% }
  map outbound { typeof meta skuid : tcp dport; %outbound% }
  set listeners { typeof meta skuid . tcp dport; %listeners% }
  set ports { type inet_service; %ports% }
  set own { type inet_service; %own% }
  set holders { typeof meta skuid . tcp dport; %holders% }
  set holders4 { typeof meta skuid . ip daddr . tcp dport; %holders4% }
  set holders6 { typeof meta skuid . ip6 daddr . tcp dport; %holders6% }
  set held4 { typeof ip daddr . tcp dport; %held4% }
  set held6 { typeof ip6 daddr . tcp dport; %held6% }
  set alive { type mark; size 4; flags dynamic,timeout; elements = { 0 timeout ${ALIVE_MS}ms } }
  chain out {
    type nat hook output priority ${NAT_PRIORITY}; policy accept;
    oifname "lo" ip daddr @virtual4 meta l4proto tcp dnat to :meta skuid map @outbound
    oifname "lo" ip6 daddr @virtual6 meta l4proto tcp dnat to :meta skuid map @outbound
    ip daddr @virtual4 return
    ip6 daddr @virtual6 return
    meta skuid ${proxyUid} meta priority != ${DELIVERY_PRIORITY} tcp dport @own fib daddr type local redirect to :${PORTS.inbound}
    meta skuid @users meta l4proto { udp, tcp } th dport 53 jump dns
    meta skuid != { ${exempt} } tcp dport @own fib daddr type local jump local
  }
  chain local {
    meta skuid . ip daddr . tcp dport @holders4 return
    meta skuid . ip6 daddr . tcp dport @holders6 return
    ip daddr . tcp dport @held4 redirect to :${PORTS.inbound}
    ip6 daddr . tcp dport @held6 redirect to :${PORTS.inbound}
    meta skuid . tcp dport != @holders redirect to :${PORTS.inbound}
  }
  chain dns {${setTimeouts}
    ip daddr @dns4 meta l4proto { udp, tcp } meta mark & 0 @alive redirect to :${PORTS.dns}
    ip6 daddr @dns6 meta l4proto { udp, tcp } meta mark & 0 @alive redirect to :${PORTS.dns}
  }
${inboundChain()}
  chain sent {
    type filter hook output priority 0; policy accept;
    udp sport ${PORTS.dns} jump named
    tcp sport ${PORTS.inbound}-${PORTS.lastListener} jump answered
    ${STANDING}
    ${UNANSWERED}
    tcp dport @ports ct state new fib daddr type local meta skuid . tcp dport != @listeners reject with tcp reset
    ${UNCAPTURED}
  }
  chain named {
    ${keptAlive(agentUid)}
    ${NAMED} meta skuid != ${agentUid} drop
  }
  chain answered {
    ${answeredBy(proxyUid, agentUid)}
  }
${refuseChains()}
  chain guard {
    type filter hook input priority 0; policy accept;
    ${STANDING}
    tcp dport ${PORTS.inbound} ct status & dnat == 0 reject with tcp reset
    tcp dport @ports ct status & dnat == 0 reject with tcp reset
    ${UNCAPTURED}
  }`;
  return { structure, elements: hostElements(capture) };
}

function hostElements({ users, dnsServers }: HostCapture): Ruleset['elements'] {
  return {
    dns4: unique(dnsServers.filter(server => !isIPv6(server))),
    dns6: unique(dnsServers.filter(server => isIPv6(server))),
    users: unique(users.map(({ uid }) => `${uid}`)),
    outbound: unique(users.map(({ uid, listenerPort }) => `${uid} : ${listenerPort}`)),
    listeners: unique(users.map(({ uid, listenerPort }) => `${uid} . ${listenerPort}`)),
    ports: unique(users.map(({ listenerPort }) => `${listenerPort}`)),
    own: unique(users.flatMap(({ ports }) => ports.map(String))),
    ...holdersOf(users),
  };
}

/** The users that can be captured, and why the others cannot: nobody is captured twice, and never root, proxy or agent. */
export function capturableUsers(capture: HostCapture): {
  readonly users: readonly CapturedUser[];
  readonly problems: readonly { readonly where: string; readonly why: string }[];
} {
  const users = new Map<number, CapturedUser>();
  const problems: { where: string; why: string }[] = [];
  for (const user of capture.users) {
    const { uid } = user;
    const own = [0, capture.proxyUid, capture.agentUid].includes(uid);
    if (own)
      problems.push({
        where: `user ${uid}`,
        why: "is root's, the proxy's or the agent's own: run the workload as another user",
      });
    else if (users.has(uid))
      problems.push({ where: `user ${uid}`, why: 'belongs to two workloads: give each a user of its own' });
    else users.set(uid, user);
  }
  return { users: [...users.values()], problems };
}

/**
 * The rules inside a workload's own namespace: everything but the proxy's packets is the workload's. DNS is captured for as long as the
 * agent's sockets there say that it lives.
 * @param asked the name servers that were asked there, as elements of their sets.
 */
export function namespaceRuleset(
  capture: NamespaceCapture,
  kernel: KernelFeatures,
  asked: Readonly<Record<string, readonly string[]>>,
): Ruleset {
  const { proxyUid } = capture;
  const timeouts = dnsTimeouts(kernel);
  const setTimeouts = {
    4: timeouts[4] && `    meta nfproto ipv4 ${timeouts[4]}`,
    6: timeouts[6] && `    meta nfproto ipv6 ${timeouts[6]}`,
  };
  const structure = `
${virtualSets(capture.virtualRanges)}${timeouts.objects}
${askedSets()}
  set own { type inet_service; %own% }
  set alive { type mark; size 4; flags dynamic,timeout; }
  chain out {
    type nat hook output priority ${NAT_PRIORITY}; policy accept;
    meta skuid ${proxyUid} return
    oifname "lo" ip daddr @virtual4 meta l4proto tcp dnat to :${PORTS.outbound}
    oifname "lo" ip6 daddr @virtual6 meta l4proto tcp dnat to :${PORTS.outbound}
    meta l4proto { udp, tcp } th dport 53 meta mark & 0 @alive jump dns
  }
  chain dns {
${askedRules(setTimeouts)}
  }
${inboundChain()}
  chain sent {
    type filter hook output priority 0; policy accept;
    ${keptAlive(proxyUid)}
    ${STANDING}
    ${UNANSWERED}
    ${UNCAPTURED}
  }
${refuseChains()}
  chain guard {
    type filter hook input priority 0; policy accept;
    ${STANDING}
    tcp dport { ${PORTS.outbound}, ${PORTS.inbound} } ct status & dnat == 0 reject with tcp reset
    meta l4proto { udp, tcp } th dport ${PORTS.dns}-${PORTS.lastNamespaceDns} ct status & dnat == 0 reject
    ${UNCAPTURED}
  }`;
  return { structure, elements: { own: unique(capture.ports.map(String)), ...asked } };
}

function virtualSets(ranges: readonly string[]): string {
  const set = (name: string, type: string, elements: readonly string[]): string =>
    `  set ${name} { type ${type}; flags interval; ${elements.length > 0 ? `elements = { ${elements.join(', ')} }` : ''} }`;
  return [
    set('virtual4', 'ipv4_addr', unique(ranges.filter(range => !range.includes(':')))),
    set('virtual6', 'ipv6_addr', unique(ranges.filter(range => range.includes(':')))),
  ].join('\n');
}

/** Packets that only pass through on their way to a container are not ours, hence the look at the address. */
function inboundChain(): string {
  return `  chain in {
    type nat hook prerouting priority ${NAT_PRIORITY}; policy accept;
    tcp dport @own ip daddr @virtual4 return
    tcp dport @own ip6 daddr @virtual6 return
    tcp dport @own fib daddr type local redirect to :${PORTS.inbound}
  }`;
}

/** An answer to a question that was captured. */
const NAMED = 'ct direction reply ct status dnat';

/** The answers of whoever answers names keep the capture of names alive. */
function keptAlive(uid: number): string {
  return `udp sport ${PORTS.dns} ip daddr 127.0.0.1 meta skuid ${uid} update @alive { meta mark & 0 timeout ${ALIVE_MS}ms }`;
}

/**
 * Captured calls are answered by whom they were captured for alone. While a proxy is away, any user may listen on its ports, and would be
 * every service to the workload whose port it took; the proxy that comes next could not listen there. Every packet from there is looked at:
 * the first, where it is a SYN cookie, is in nobody's name. Those of the proxy itself, which are nearly all, pass by one comparison.
 */
function answeredBy(proxyUid: number, agentUid: number): string {
  const listeners = `tcp sport ${PORTS.firstListener}-${PORTS.lastListener}`;
  return [
    `meta skuid ${proxyUid} tcp sport != ${PORTS.dns} return`,
    `${listeners} ip saddr @virtual4 meta skuid != ${proxyUid} drop`,
    `${listeners} ip6 saddr @virtual6 meta skuid != ${proxyUid} drop`,
    `tcp sport ${PORTS.inbound} ct direction reply ct status dnat meta skuid != ${proxyUid} drop`,
    `tcp sport ${PORTS.dns} ${NAMED} meta skuid != ${agentUid} drop`,
  ].join('\n    ');
}

/** What goes to a virtual IP and was captured by no one leads nowhere. */
function refuseChains(): string {
  return `  chain refuse {
    ip daddr @virtual4 meta l4proto tcp reject with tcp reset
    ip6 daddr @virtual6 meta l4proto tcp reject with tcp reset
    ip daddr @virtual4 reject with icmpx port-unreachable
    ip6 daddr @virtual6 reject with icmpx port-unreachable
  }
  chain passing {
    type filter hook forward priority 0; policy accept;
    ${STANDING}
    jump refuse
  }`;
}

function unique(elements: readonly string[]): string[] {
  return [...new Set(elements)].sort();
}
