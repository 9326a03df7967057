import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** A socket of TCP, as the kernel lists it. */
export interface TcpSocket {
  /** Of this end. */
  readonly port: number;
  readonly listens: boolean;
  /** Who has it. */
  readonly uid: number;
  /** `0` for one that is no program's. */
  readonly inode: string;
}

/** State of a socket that listens, in hexadecimal: TCP_LISTEN of the kernel's tcp_states.h. */
const LISTEN = '0A';

/** Local port, state, owner and inode of each socket, as Linux' Documentation/networking/proc_net_tcp.rst tells. */
const SOCKET = /^ *\d+: [\dA-F]+:([\dA-F]{4}) [\dA-F]+:[\dA-F]{4} ([\dA-F]{2}) \S+ \S+ \S+ +(\d+) +\d+ (\d+)/gm;

/** The sockets of a table. @param text of `/proc/net/tcp` or its like, one or more. */
export function* socketsIn(text: string): Generator<TcpSocket> {
  for (const [, port = '', state, uid, inode = ''] of text.matchAll(SOCKET))
    yield { port: Number.parseInt(port, 16), listens: state === LISTEN, uid: Number(uid), inode };
}

/** The kernel lists sockets that listen first, and there are few of these. */
const CHUNK_BYTES = 64 * 1024;

/** Of IPv4 and IPv6, which a kernel may not have. */
const TABLES = ['tcp', 'tcp6'];

/** All sockets of this host, which takes longer the more connections it has. */
export function readSockets(): readonly TcpSocket[] {
  return TABLES.flatMap(name => {
    try {
      return [...socketsIn(readFileSync(`/proc/net/${name}`, 'latin1'))];
    } catch {
      return [];
    }
  });
}

/** The sockets that listen. @param net where the kernel has the tables of a network namespace; of this host when absent. */
export function readListeners(net = '/proc/net'): readonly TcpSocket[] {
  return TABLES.flatMap(name => {
    const found = [...socketsIn(headOf(`${net}/${name}`))];
    const end = found.findIndex(({ listens }) => !listens);
    return end === -1 ? found : found.slice(0, end);
  });
}

/** The file up to where connections begin, of which there may be any number; empty where it is not there. */
function headOf(path: string): string {
  let text = '';
  try {
    const file = openSync(path, 'r');
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
        text += chunk.toString('latin1', 0, read);
        if (socketsIn(text.slice(-2 * CHUNK_BYTES)).some(({ listens }) => !listens)) break;
      }
    } finally {
      closeSync(file);
    }
  } catch {
    return text;
  }
  return text;
}
