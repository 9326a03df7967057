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
