import { askedRules, askedSets } from './namespace-dns.ts';
import { byFamily, type KernelFeatures, type Ruleset, unique } from './ruleset.ts';
import { ALIVE_MS, FORGET_SECONDS, type NamespaceCapture, PORTS } from './spec.ts';

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
 * The rules inside a workload's own namespace: everything but the proxy's packets is the workload's. What is captured is redirected (NAT), as
 * a container's own engine often does there as well; so Envoy needs no right in namespaces of others but to enter them. DNS is captured for as
 * long as the agent's sockets there say that it lives.
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
  const of = byFamily(ranges);
  return [set('virtual4', 'ipv4_addr', of[4]), set('virtual6', 'ipv6_addr', of[6])].join('\n');
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

/** The answers of whoever answers names keep the capture of names alive. */
function keptAlive(uid: number): string {
  return `udp sport ${PORTS.dns} ip daddr 127.0.0.1 meta skuid ${uid} update @alive { meta mark & 0 timeout ${ALIVE_MS}ms }`;
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
