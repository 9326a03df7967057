import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy before a server, that spoils connections as a test asks. */
export interface Proxy extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  readonly port: number;
  /** Connections that stand now. */
  readonly connections: number;
  /** Cuts each connection after so many bytes from the server, until `mend`; those that stand count from now. */
  cutAfter(bytes: number): void;
  /** Passes nothing on, in either direction, until `mend`. New connections are accepted. */
  silence(): void;
  /** Ends all connections, and accepts none until `mend`. */
  refuse(): void;
  mend(): void;
}

/** How connections are spoiled. */
type Mode = { readonly kind: 'pass' | 'silent' | 'refuse' } | { readonly kind: 'cut'; readonly bytes: number };

/** A connection through the proxy. */
interface Pair {
  /** Has it follow another mode from now on. */
  apply(mode: Mode): void;
  /** Ends it at both ends. */
  end(): void;
}

/** @param target `127.0.0.1:8500`, IPv4. */
export async function startProxy(target: string): Promise<Proxy> {
  const [host, port] = target.split(':') as [string, string];
  const pairs = new Set<Pair>();
  let mode: Mode = { kind: 'pass' };
  const server = createServer(inner => {
    if (mode.kind === 'refuse') return void inner.destroy();
    const pair = join(inner, connect(Number(port), host), () => pairs.delete(pair));
    pairs.add(pair);
    pair.apply(mode);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const set = (next: Mode): void => {
    mode = next;
    for (const pair of pairs) pair.apply(mode);
  };
  const own = (server.address() as { port: number }).port;
  return {
    address: `127.0.0.1:${own}`,
    port: own,
    get connections() {
      return pairs.size;
    },
    cutAfter: bytes => set({ kind: 'cut', bytes }),
    silence: () => set({ kind: 'silent' }),
    refuse() {
      set({ kind: 'refuse' });
      for (const pair of pairs) pair.end();
    },
    mend: () => set({ kind: 'pass' }),
    async [Symbol.asyncDispose]() {
      for (const pair of pairs) pair.end();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** Joins a client's connection and one to the server. @param ended called when it is over. */
function join(inner: Socket, outer: Socket, ended: () => void): Pair {
  let left = Number.POSITIVE_INFINITY;
  const end = (): void => {
    ended();
    inner.destroy();
    outer.destroy();
  };
  inner.on('data', data => outer.write(data));
  outer.on('data', (data: Buffer) => {
    inner.write(data.subarray(0, left));
    left -= data.length;
    // The bytes that may pass have to arrive before the end does.
    if (left <= 0) inner.end(end);
  });
  for (const socket of [inner, outer]) socket.on('error', end).on('close', end).setNoDelay(true);
  return {
    apply(mode) {
      left = mode.kind === 'cut' ? mode.bytes : Number.POSITIVE_INFINITY;
      for (const socket of [inner, outer])
        if (mode.kind === 'silent') socket.pause();
        else socket.resume();
    },
    end,
  };
}
