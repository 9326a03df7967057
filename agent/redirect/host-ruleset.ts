import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress } from '../../manager/model/util/address.ts';
import { holdersOf } from './holders.ts';
import { byFamily, type Ruleset, unique } from './ruleset.ts';
import { ALIVE_MS, type CapturedUser, DELIVERY_PRIORITY, type HostCapture, PORTS } from './spec.ts';

/** A packet that opens a connection; what belongs to one is told by its socket. */
const OPENS = 'tcp flags & (syn | ack) == syn';
/** The answer to it, which is still in the name of whoever listens; nothing of the connection is, until it was accepted. */
const ANSWERS = 'tcp flags & (syn | ack) == (syn | ack)';

/**
 * Marks say, to the chain of what arrives, what the chain of what leaves found out: whose a packet is can be seen there alone. They stand on
 * packets within the loopback device, for the way from one chain to the other. Bits that others give a meaning there (kube-proxy's 0x4000 and
 * 0x8000) are left out. A caller outside the mesh has this one; a workload's calls that of its listener, from 1 on.
 */
const INWARD = 0x2000;
/** Has a port of a workload, and is another user's. */
const ANOTHERS = 0x2001;
/** In nobody's name, as where the kernel answers by SYN cookies. */
const NOBODYS = 0x2002;

/** Of what leaves: after the rules of others. A mark that these set (mangle, -150) would take the place of ours, and lead past policy. */
const LATE = 1000;

function markOf(listenerPort: number): number {
  return listenerPort - PORTS.firstListener + 1;
}

/**
 * The rules of the host itself, where workloads are told apart by user; its users are all capturable.
 *
 * A call is not rewritten: the socket that shall have it is chosen (tproxy), and has the dialled address as its own. Questions for names and
 * their answers are rewritten packet by packet. So the kernel need not track connections, which costs each packet of a host, and a new
 * connection a tenth of what a proxy takes for it; nor does it run out of places for them. Where others have connections tracked, and
 * rewrite what goes to addresses of the host as Docker does, calls of virtual IPs are kept out of it (notrack). Questions are not, as firewalls
 * let pass what is new or known: they are rewritten before the kernel looks at them, and answers after that.
 */
export function hostRuleset(capture: HostCapture): Ruleset {
  const { virtualRanges } = capture;
  const structure = [SETS, early(virtualRanges), leaving(capture), accepting(capture), arriving(virtualRanges)].join(
    '',
  );
  // nft lists no port that tproxy takes from a map, and what it lists could not be loaded again: hence a chain for each listener.
  const chains = Object.fromEntries(
    capture.users.map(({ listenerPort }) => [chainOf(listenerPort), given(listenerPort)]),
  );
  return {
    structure,
    elements: { ...elementsOf(capture.users), ...nameElements(capture.dnsServers, capture.askedPorts) },
    chains,
  };
}

/** The set `alive` holds one constant key for as long as the agent answers: a mark masked to 0 is a key that every packet has. */
const SETS = `
  map outbound { typeof meta skuid : meta mark; %outbound% }
  map listeners { type mark : verdict; %listeners% }
  set users { typeof meta skuid; %users% }
  set closed { type inet_service; %closed% }
  set own { type inet_service; %own% }
  set servers { typeof meta skuid . tcp sport; %servers% }
  set holders { typeof meta skuid . tcp dport; %holders% }
  set holders4 { typeof meta skuid . ip daddr . tcp dport; %holders4% }
  set holders6 { typeof meta skuid . ip6 daddr . tcp dport; %holders6% }
  set held4 { typeof ip daddr . tcp dport; %held4% }
  set held6 { typeof ip6 daddr . tcp dport; %held6% }
  map dns4 { type ipv4_addr : inet_service; %dns4% }
  map dns6 { type ipv6_addr : inet_service; %dns6% }
  map servers4 { type inet_service : ipv4_addr; %servers4% }
  map servers6 { type inet_service : ipv6_addr; %servers6% }
  set alive { type mark; size 4; flags dynamic,timeout; elements = { 0 timeout ${ALIVE_MS}ms } }`;

/** What has to be done with what leaves before the kernel looks at it for whoever tracks connections. */
function early(virtualRanges: readonly string[]): string {
  const untracked = (['daddr', 'saddr'] as const).map(side => within(side, virtualRanges, 'notrack accept'));
  return `
  chain early {
    type route hook output priority raw; policy accept;
    oif "lo" goto looping
    th dport 53 meta skuid @users goto asked
  }
  chain looping {${untracked.join('')}
    th dport 53 meta skuid @users goto asked
  }
  chain asked {
    meta mark & 0 != @alive return
    udp dport set ip daddr map @dns4 ip daddr set 127.0.0.1 accept
    tcp dport set ip daddr map @dns4 ip daddr set 127.0.0.1 accept
    udp dport set ip6 daddr map @dns6 ip6 daddr set ::1 accept
    tcp dport set ip6 daddr map @dns6 ip6 daddr set ::1 accept
  }`;
}

/**
 * What leaves is marked; what goes to other hosts, which is the most, is looked at least. Who opens a connection decides; what a socket still
 * has to send when its program is gone is in nobody's name, and goes where the connection leads. Questions of workloads to the host's name
 * servers went to the agent while it lives; its answers bear the server's address, and what others answer in its place is dropped.
 */
function leaving({ virtualRanges, proxyUid, agentUid }: HostCapture): string {
  const answers = `th sport ${PORTS.dns}-${PORTS.lastDns} jump answered`;
  return `
  chain out {
    type filter hook output priority ${LATE}; policy accept;
    oif != "lo" goto away${within('daddr', virtualRanges, 'goto calling')}
    meta skuid ${proxyUid} goto proxy
    ip saddr 127.0.0.1 ${answers}
    ip6 saddr ::1 ${answers}
    ${ANSWERS} tcp sport @own jump serving
    tcp dport @own fib daddr type local jump local
  }
  chain away {${within('daddr', virtualRanges, 'goto refuse')}
  }
  chain calling {
    meta l4proto tcp meta mark set meta skuid map @outbound accept
    ${OPENS} goto refuse
    meta l4proto tcp accept
    goto refuse
  }
  chain proxy {
    tcp dport @own meta priority != ${DELIVERY_PRIORITY} fib daddr type local meta mark set ${INWARD}
  }
  chain answered {
    udp sport ${PORTS.dns} meta skuid ${agentUid} update @alive { meta mark & 0 timeout ${ALIVE_MS}ms } return
    meta skuid != ${agentUid} meta mark & 0 @alive drop
    meta skuid != ${agentUid} return
    ip saddr set udp sport map @servers4 udp sport set 53 accept
    ip saddr set tcp sport map @servers4 tcp sport set 53 accept
    ip6 saddr set udp sport map @servers6 udp sport set 53 accept
    ip6 saddr set tcp sport map @servers6 tcp sport set 53 accept
  }`;
}

/**
 * Who accepts a connection at a port of a workload is that workload's user, at the address that is its own where it names one, or root, who
 * may listen for others.
 */
function accepting({ proxyUid, agentUid }: HostCapture): string {
  const exempt = [...new Set([0, agentUid, proxyUid])].join(', ');
  return `
  chain local {
    meta skuid { ${exempt} } return
    meta skuid . ip daddr . tcp dport @holders4 return
    meta skuid . ip6 daddr . tcp dport @holders6 return
    ip daddr . tcp dport @held4 meta mark set ${INWARD} return
    ip6 daddr . tcp dport @held6 meta mark set ${INWARD} return
    meta skuid . tcp dport @holders return
    meta mark set ${INWARD}
  }
  chain serving {
    meta skuid { ${exempt} } return
    meta skuid . ip saddr . tcp sport @holders4 return
    meta skuid . ip6 saddr . tcp sport @holders6 return
    ip saddr . tcp sport @held4 goto foreign
    ip6 saddr . tcp sport @held6 goto foreign
    meta skuid . tcp sport @servers return
    goto foreign
  }
  chain foreign {
    meta mark set ${NOBODYS}
    meta skuid != 0 meta mark set ${ANOTHERS}
  }`;
}

/**
 * What arrives is given to its listener. A listener takes nothing by its own port, and only sockets that may take foreign addresses get what
 * was captured: while a proxy is away, nobody can be every service to a workload by listening in its place. The proxy delivers from such
 * sockets too, and is refused by whoever listens in a workload's place, as by nobody. Where a queue is so full that the kernel answers in
 * nobody's name, it gets no answer and asks again, as anybody may fill a queue of his own.
 */
function arriving(virtualRanges: readonly string[]): string {
  return `
  chain in {
    type filter hook prerouting priority raw; policy accept;
    iif "lo" goto looped${within('daddr', virtualRanges, 'goto refuse')}
    tcp dport @own fib daddr type local goto inward
    ${OPENS} tcp dport @closed reject with tcp reset
  }
  chain looped {${within('daddr', virtualRanges, 'goto called')}
    meta mark ${INWARD} tcp dport @own goto inward
    meta mark { ${NOBODYS}, ${ANOTHERS} } goto unserved
    ${OPENS} tcp dport @closed reject with tcp reset
  }
  chain unserved {
    meta mark ${ANOTHERS} socket transparent 1 tcp flags set rst | ack
    meta mark ${NOBODYS} socket transparent 1 drop
    meta mark set 0
  }
  chain called {
    meta mark vmap @listeners
    ${OPENS} goto unheard
    socket transparent 1 accept
    goto refuse
  }
  chain inward {
    ${given(PORTS.inbound)}
    ${OPENS} goto unheard
  }
  chain unheard {
    socket mark 0 goto refuse
    socket transparent 1 drop
    goto refuse
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmpx port-unreachable
  }`;
}

/**
 * Gives a packet to the connection that it belongs to, or to a listener; goes on where there is neither. Without a listener tproxy finds
 * what is left of a connection that ended (TIME-WAIT), for which the kernel would look up a listener by the dialled port: the workload
 * behind, or another's listener. Such a socket has no mark, not even 0, and nor has that of a connection that is just opened: there a
 * packet that opens it comes once more, and is dropped, as the answer to the first is sent again anyway.
 */
function given(listenerPort: number): string {
  return `meta l4proto tcp tproxy to :${listenerPort} socket mark 0 meta mark set 0 accept`;
}

function chainOf(listenerPort: number): string {
  return `to_${listenerPort}`;
}

/** One rule for each family that there are ranges of; written out, as that is the cheapest look at an address. */
function within(side: 'daddr' | 'saddr', ranges: readonly string[], verdict: string): string {
  const rule = (family: string, of: readonly string[]): string =>
    of.length === 0 ? '' : `\n    ${family} ${side} ${of.length === 1 ? of[0] : `{ ${of.join(', ')} }`} ${verdict}`;
  const of = byFamily(ranges);
  return rule('ip', of[4]) + rule('ip6', of[6]);
}

function elementsOf(users: readonly CapturedUser[]): Ruleset['elements'] {
  return {
    users: unique(users.map(({ uid }) => `${uid}`)),
    outbound: unique(users.map(({ uid, listenerPort }) => `${uid} : ${markOf(listenerPort)}`)),
    listeners: unique(users.map(({ listenerPort }) => `${markOf(listenerPort)} : jump ${chainOf(listenerPort)}`)),
    closed: unique([PORTS.inbound, ...users.map(({ listenerPort }) => listenerPort)].map(String)),
    own: unique(users.flatMap(({ ports }) => ports.map(String))),
    servers: unique(users.flatMap(({ uid, ports }) => ports.map(port => `${uid} . ${port}`))),
    ...holdersOf(users),
  };
}

/** Each server has a port, so that answers can be given its address again. */
function nameElements(servers: readonly string[], ports: readonly number[]): Ruleset['elements'] {
  const known = servers.flatMap(text => canonicalAddress(text) ?? []);
  const four = placed(known.filter(isIPv4), ports);
  const six = placed(known.filter(isIPv6), ports);
  return {
    dns4: four.map(([server, port]) => `${server} : ${port}`),
    dns6: six.map(([server, port]) => `${server} : ${port}`),
    servers4: four.map(([server, port]) => `${port} : ${server}`),
    servers6: six.map(([server, port]) => `${port} : ${server}`),
  };
}

/** The same in whatever order the servers stand: questions may be under way. */
function placed(servers: readonly string[], ports: readonly number[]): (readonly [server: string, port: number])[] {
  const asked = [...new Set(servers)].slice(0, ports.length).sort();
  return asked.map((server, place) => [server, ports[place]!]);
}
