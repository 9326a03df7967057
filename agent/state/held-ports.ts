import { readFileSync } from 'node:fs';

const LISTEN = '0A';

/**
 * TCP ports that programs of this host listen on, at whatever address, but for those of one user: it may bind none of them. Takes longer
 * the more connections the host has, so it is for when a port is chosen, not for each round.
 */
export function portsHeldByOthers(uid: number): ReadonlySet<number> {
  return new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap(path => heldIn(read(path), uid)));
}

/** @param text of `/proc/net/tcp`, as Linux' Documentation/networking/proc_net_tcp.rst tells. */
export function heldIn(text: string, uid: number): number[] {
  return text.split('\n').flatMap(line => {
    const [, local = '', , state, , , , owner] = line.trim().split(/\s+/);
    if (state !== LISTEN || Number(owner) === uid) return [];
    return [Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)];
  });
}

/** A kernel may have no IPv6. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
