/** What capture on the host itself needs to know. */
export interface HostCapture {
  /** Where virtual IPs come from, IPv4 and IPv6, in CIDR form. */
  readonly virtualRanges: readonly string[];
  readonly users: readonly CapturedUser[];
  /** User of the proxy: its packets are never captured. */
  readonly proxyUid: number;
  /** User of the agent: its packets are never captured, and its DNS answers keep DNS capture alive. */
  readonly agentUid: number;
  /**
   * Addresses of the host's name servers: questions to these are captured. A program that asks another server by its address
   * gets that server's answer, as before.
   */
  readonly dnsServers: readonly string[];
  /** Where the agent takes captured questions, one port for each of these servers; those for which none is left are asked as without a mesh. */
  readonly askedPorts: readonly number[];
}

/** A workload whose processes run as a user of the host. */
export interface CapturedUser {
  readonly uid: number;
  /** For messages: the workload, where it has one. */
  readonly workload?: string;
  /** Port of its own outbound listener, which listens on every address. */
  readonly listenerPort: number;
  /** TCP ports that it serves. */
  readonly ports: readonly number[];
  /** Where it serves them; empty: at every address of the host. */
  readonly addresses: readonly string[];
}

/** A workload with a network namespace of its own. */
export interface NamespaceCapture {
  /** Such as `/run/netns/web` or `/proc/123/ns/net`. */
  readonly path: string;
  /** Which namespace is meant, see `Selector`: the rules go into no other that takes the path. */
  readonly id: string;
  readonly virtualRanges: readonly string[];
  readonly ports: readonly number[];
  /** User of the proxy, and of the agent's sockets inside: its packets are never captured. */
  readonly proxyUid: number;
}

/** Ports of the proxy and the agent; see "Ports" in ARCHITECTURE.md. */
export const PORTS = {
  /** Outbound listener inside a namespace. */
  outbound: 15_001,
  /** Takes what non-mesh callers send to a workload. */
  inbound: 15_006,
  dns: 15_053,
  /** On the host it also answers on the ports after `dns` up to this one, one for each name server that is asked there. */
  lastDns: 15_056,
  /** Inside a namespace it answers on these ports from `dns` on, one for each name server that is asked there. */
  lastNamespaceDns: 15_060,
  /** Outbound listeners of the host's processes, one for each workload that is a user of the host. */
  firstListener: 20_000,
  lastListener: 24_999,
} as const;

/** Where captured questions arrive on the host, one port for each name server that is asked. */
export const ASKED_PORTS: readonly number[] = Array.from(
  { length: PORTS.lastDns - PORTS.dns },
  (_, place) => PORTS.dns + 1 + place,
);

/**
 * SO_PRIORITY, socket(7), of connections that deliver to a workload what its policy let in; anyone may set those up to 6. The proxy's
 * other connections to a workload of its own host, where a registry lists one of the host's addresses, are subject to the policy.
 */
export const DELIVERY_PRIORITY = 5;

/** DNS capture ends so long after the agent's last answer. */
export const ALIVE_MS = 2000;

/**
 * The kernel decides once per UDP socket and peer whether to capture, and remembers that for 30 seconds of silence. A program that
 * asks again and again from one socket would stay with a dead agent, or outside of the mesh, for as long. So it forgets sooner:
 * later than our own server gives up on an answer, and sooner than glibc asks again (5 s).
 */
export const FORGET_SECONDS = 4;
