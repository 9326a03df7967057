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

/**
 * The user that owns the socket a query came from, from /proc/net (proc(5)); undefined when it is not of this network namespace.
 * @param table reads one of those files; for tests.
 */
export async function uidOfAsker(
  asker: Asker,
  table: (name: string) => Promise<string> = readTable,
): Promise<number | undefined> {
  const port = asker.port.toString(16).toUpperCase().padStart(4, '0');
  const address = hex(asker.address);
  const anywhere = /^0+$/;
  // A program's IPv4 packets may come from an IPv6 socket.
  for (const name of [asker.protocol, `${asker.protocol}6`]) {
    for (const line of (await table(name)).split('\n').slice(1)) {
      const [, local = '', , , , , , uid] = line.trim().split(/\s+/);
      const [at = '', on] = local.split(':');
      if (on === port && (anywhere.test(at) || at.endsWith(address))) return Number(uid);
    }
  }
  return undefined;
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
