import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { endianness } from 'node:os';
import { codeOf } from '../../manager/model/util/errors.ts';

/** Who asks, as its packets say. */
export interface Asker {
  readonly protocol: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
}

/** The user that owns the socket a query came from; undefined when it is not of this network namespace. */
export type OwnerOf = (asker: Asker) => number | undefined;

/** Of a line of /proc/net (proc(5)): address and port of this end, and the user. */
const LINE = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ \S+ \S+ \S+ \S+ +(\d+) /gm;
const ANYWHERE = /^0+$/;

/**
 * Reads who owns sockets. That costs about a millisecond for each thousand sockets of the host.
 * @param table reads one of those files; for tests.
 */
export async function readOwners(
  protocol: Asker['protocol'],
  table: (name: string) => Promise<string> = readTable,
): Promise<OwnerOf> {
  const byPort = new Map<number, { readonly at: string; readonly uid: number }[]>();
  // A program's IPv4 packets may come from an IPv6 socket.
  for (const name of [protocol, `${protocol}6`]) {
    for (const [, at = '', hexPort = '', uid] of (await table(name)).matchAll(LINE)) {
      const port = Number.parseInt(hexPort, 16);
      const there = byPort.get(port) ?? [];
      byPort.set(port, there);
      there.push({ at, uid: Number(uid) });
    }
  }
  return ({ address, port }) => {
    const from = hex(address);
    return byPort.get(port)?.find(({ at }) => ANYWHERE.test(at) || at.endsWith(from))?.uid;
  };
}

/** The same for one query. @param table see `readOwners`. */
export async function uidOfAsker(asker: Asker, table?: (name: string) => Promise<string>): Promise<number | undefined> {
  return (await readOwners(asker.protocol, table))(asker);
}

async function readTable(name: string): Promise<string> {
  try {
    return await readFile(`/proc/net/${name}`, 'latin1');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** An address as /proc/net writes it: words of 32 bits in the byte order of the machine. */
function hex(address: string): string {
  const bytes = isIPv6(address) ? bytes6(address) : address.split('.').map(Number);
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    if (endianness() === 'LE') word.reverse();
    words.push(word.map(byte => byte.toString(16).toUpperCase().padStart(2, '0')).join(''));
  }
  return words.join('');
}

function bytes6(address: string): number[] {
  const [head = '', tail] = address.split('%', 1)[0]!.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const between = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(between).fill('0'), ...after].flatMap(group => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
