import { findSystemProgram, findTools, inNamespace, RedirectError, run, type Tools } from '../redirect/nft.ts';

/** One end of a TCP connection, `10.0.0.1:80` or `[::1]:80`, as Envoy and the kernel write it. */
type End = string;

/** A TCP connection as the kernel of one network namespace knows it. */
export interface TcpConnection {
  readonly local: End;
  readonly remote: End;
  /** Tells it from a later one with the same ends. */
  readonly inode: string;
}

/** Bytes may pass in these states, one way at least. */
const OPEN = ['established', 'close-wait', 'fin-wait-1', 'fin-wait-2'].flatMap(state => ['state', state]);
/** Most connections that are ended by one command. */
const AT_ONCE = 100;

/** The TCP connections of one user, by way of ss(8). */
export class Sockets {
  readonly #uid: number;
  #programs: (Tools & { readonly ss: string }) | undefined;

  /** @param uid whose sockets; no other's are seen or touched. */
  constructor(uid: number) {
    this.#uid = uid;
  }

  /** @param namespace path of a network namespace; the host's own when undefined. @throws {RedirectError} */
  async list(namespace: string | undefined): Promise<readonly TcpConnection[]> {
    const out = await this.#run(namespace, ['-tnHe', ...OPEN]);
    const owner = new RegExp(`\\buid:${this.#uid}\\b`);
    return out.split('\n').flatMap(line => {
      const [, local, remote, rest = ''] = /(\S+:\d+)\s+(\S+:\d+)\s+(.*)$/.exec(line) ?? [];
      const [, inode] = /\bino:(\d+)/.exec(rest) ?? [];
      return local && remote && inode && owner.test(rest) ? [{ local, remote, inode }] : [];
    });
  }

  /**
   * Ends connections; both ends see a reset. A kernel built without CONFIG_INET_DIAG_DESTROY does nothing: list them again.
   * @throws {RedirectError}
   */
  async end(namespace: string | undefined, connections: readonly TcpConnection[]): Promise<void> {
    for (let index = 0; index < connections.length; index += AT_ONCE) {
      const some = connections.slice(index, index + AT_ONCE).map(filterOf);
      const filter = some.flatMap((words, place) => (place === 0 ? words : ['or', ...words]));
      await this.#run(namespace, ['-KtnH', ...OPEN, ...filter]);
    }
  }

  async #run(namespace: string | undefined, args: readonly string[]): Promise<string> {
    const ss = this.#programs?.ss ?? findSystemProgram('ss');
    if (!ss) throw new RedirectError('iproute2 is not installed (no ss in /usr/bin): run apt-get install iproute2');
    this.#programs ??= { ...findTools(), ss };
    return await run(inNamespace(this.#programs, namespace, [this.#programs.ss, ...args]));
  }
}

function filterOf({ local, remote }: TcpConnection): string[] {
  return ['(', 'src', local, 'and', 'dst', remote, ')'];
}
