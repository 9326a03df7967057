import { readFileSync } from 'node:fs';
import { socketsIn } from '../tcp-table.ts';

/**
 * TCP ports of this host that Envoy may bind none of: a program has a socket there, at whatever address and in whatever state. Connections
 * of Envoy's own from there count too, unless it listens there: those came in, and keep it from nothing. Takes longer the more connections
 * the host has, so it is for when a port is chosen, not for each round.
 * @param uid the user that Envoy runs as.
 */
export function heldPorts(uid: number): ReadonlySet<number> {
  return heldIn(['/proc/net/tcp', '/proc/net/tcp6'].map(read).join('\n'), uid);
}

/**
 * A socket without an inode is no program's any more, or not yet: TIME-WAIT, what else closes by itself, and what waits to be accepted.
 * @param text of `/proc/net/tcp`, one or more.
 */
export function heldIn(text: string, uid: number): ReadonlySet<number> {
  const [held, listening] = [new Set<number>(), new Set<number>()];
  for (const { port, listens, uid: owner, inode } of socketsIn(text)) {
    if (listens && owner === uid) listening.add(port);
    else if (inode !== '0') held.add(port);
  }
  return held.difference(listening);
}

/** A kernel may have no IPv6. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
