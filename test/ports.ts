import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/**
 * So many TCP ports that nothing listens on at this moment, and that no other test is given while this process runs. Envoys that listen
 * on one port share its connections without a word, and the kernel may give a port away as soon as it is let go.
 */
export async function freePorts(count: number, address = '127.0.0.1'): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const servers = Array.from({ length: count - ports.length }, () => createServer().listen(0, address));
    await Promise.all(servers.map(server => once(server, 'listening')));
    for (const server of servers) {
      const { port } = server.address() as AddressInfo;
      if (await reserve(port)) ports.push(port);
    }
    await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  }
  return ports;
}

/** One of {@link freePorts}. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

/** Takes a name that one process alone can have, and keeps it until it ends. */
function reserve(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const name = createServer().unref();
  name.once('error', () => resolve(false)).listen({ path: `\0isthmus-test-port-${port}` }, () => resolve(true));
  return promise;
}
