import { closeSync, openSync, readSync } from 'node:fs';

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

/** The sockets of this host that listen. */
export function readListeners(): readonly TcpSocket[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(path => {
    const found = [...socketsIn(headOf(path))];
    const end = found.findIndex(({ listens }) => !listens);
    return end === -1 ? found : found.slice(0, end);
  });
}

/** The file up to where connections begin, of which there may be any number; empty where it is not there: a kernel may have no IPv6. */
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
