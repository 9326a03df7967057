import { readSockets, type TcpSocket } from '../tcp-table.ts';

/**
 * TCP ports of this host that Envoy may bind none of: a program has a socket there, at whatever address and in whatever state. Connections
 * of Envoy's own from there count too, unless it listens there: those came in, and keep it from nothing. For when a port is chosen, not for
 * each round: all sockets are read.
 * @param uid the user that Envoy runs as.
 */
export function heldPorts(uid: number): ReadonlySet<number> {
  return heldIn(readSockets(), uid);
}

/** A socket without an inode is no program's any more, or not yet: TIME-WAIT, what else closes by itself, and what waits to be accepted. */
export function heldIn(sockets: Iterable<TcpSocket>, uid: number): ReadonlySet<number> {
  const [held, listening] = [new Set<number>(), new Set<number>()];
  for (const { port, listens, uid: owner, inode } of sockets) {
    if (listens && owner === uid) listening.add(port);
    else if (inode !== '0') held.add(port);
  }
  return held.difference(listening);
}
