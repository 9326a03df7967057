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

/** @param target `127.0.0.1:8500`, IPv4. */
export async function startProxy(target: string): Promise<Proxy> {
  const [host, port] = target.split(':') as [string, string];
  const pairs = new Set<readonly [Socket, Socket]>();
  let mode: { readonly kind: 'pass' | 'silent' | 'refuse' } | { readonly kind: 'cut'; readonly bytes: number } = {
    kind: 'pass',
  };
  const spoilers = new Set<() => void>();
  const server = createServer(inner => {
    if (mode.kind === 'refuse') return void inner.destroy();
    const outer = connect(Number(port), host);
    const pair = [inner, outer] as const;
    pairs.add(pair);
    let left = Number.POSITIVE_INFINITY;
    const apply = (): void => {
      left = mode.kind === 'cut' ? mode.bytes : Number.POSITIVE_INFINITY;
      for (const socket of pair)
        if (mode.kind === 'silent') socket.pause();
        else socket.resume();
    };
    const end = (): void => {
      pairs.delete(pair);
      spoilers.delete(apply);
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
    for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true);
    spoilers.add(apply);
    apply();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const set = (next: typeof mode): void => {
    mode = next;
    for (const apply of spoilers) apply();
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
      for (const [inner] of pairs) inner.destroy();
    },
    mend: () => set({ kind: 'pass' }),
    async [Symbol.asyncDispose]() {
      for (const [inner] of pairs) inner.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
