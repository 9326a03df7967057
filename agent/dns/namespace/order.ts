/** What the program that makes sockets inside a network namespace is told, as JSON. */
export interface Order {
  /** The user that the sockets shall belong to: one whose packets are not captured. */
  readonly uid: number;
  /** Ports to answer on, UDP and TCP, on 127.0.0.1 and, where the namespace has IPv6, on ::1. */
  readonly ports: readonly number[];
  /** How many sockets to ask other servers from, of each family. */
  readonly asking: number;
  /** A server to connect to, by TCP. */
  readonly connect?: { readonly address: string; readonly port: number };
}

/** What it says of each socket that it hands over. */
export interface Made {
  readonly kind: 'udp' | 'tcp' | 'asking' | 'connection';
  readonly family: 4 | 6;
  /** That it answers on; 0 where that does not matter. */
  readonly port: number;
}
