import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { socket, stamp, tcpProxy, value } from '../../agent/compile/filters.ts';
import { addressCluster, SOURCE_KEY } from '../../agent/compile/names.ts';
import { type Resource, resource, TYPE } from '../../agent/compile/resource.ts';

/** A TCP server that sends back what it gets. It listens on loopback, and not at the address of its workload, as many do. */
export async function echo(): Promise<AsyncDisposable & { readonly port: number }> {
  const open = new Set<Socket>();
  const server = createServer(socket => {
    open.add(socket);
    socket.on('error', () => undefined).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise(done => server.close(done));
    },
  };
}

/** Calls an address as a workload would whose traffic is captured. */
export function tcpCaller(port: number, identity: string, virtualIp: string): Resource {
  const who = stamp([value(SOURCE_KEY, identity)], 'on_new_connection');
  const chain = { filters: [who, tcpProxy('caller', addressCluster(virtualIp, 80))] };
  const name = `${identity} calls ${virtualIp}`;
  return resource(TYPE.listener, name, { name, address: socket('127.0.0.1', port), filter_chains: [chain] }, []);
}

/** A connection that stands. */
export class Line {
  readonly who: string;
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  open = true;

  constructor(who: string, port: number) {
    this.who = who;
    this.#socket = connect(port, '127.0.0.1').on('error', () => undefined);
    // `once` would end with the error of a connection that is reset.
    this.#closed = new Promise<void>(closed => this.#socket.once('close', () => closed())).then(() => {
      this.open = false;
    });
  }

  /** Whether a word comes back. */
  async talks(word: string): Promise<boolean> {
    if (!this.open) return false;
    this.#socket.write(word);
    const answer = new Promise<Buffer>(answered => this.#socket.once('data', answered)).then(
      bytes => String(bytes) === word,
    );
    return await Promise.race([answer, this.#closed.then(() => false)]);
  }

  /** By a reset: ended in order, it would keep a port from the listeners of other tests for a minute. */
  async end(): Promise<void> {
    this.#socket.resetAndDestroy();
    await this.#closed;
  }
}
