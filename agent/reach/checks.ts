import { once } from 'node:events';
import { connect } from 'node:net';
import { messageOf } from '../../manager/model/util/errors.ts';
import { findTools, inNamespace, run } from '../redirect/nft.ts';
import { readListeners, socketsIn, type TcpSocket } from '../tcp-table.ts';

/** Longest wait for a connection, milliseconds. */
const CONNECT_MS = 2_000;

/** Why nobody on this host gets a connection there; undefined when one comes about. */
export async function whyNoConnection(address: string, port: number, signal: AbortSignal): Promise<string | undefined> {
  const limit = AbortSignal.timeout(CONNECT_MS);
  const socket = connect({ host: address, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.any([signal, limit]) });
    return undefined;
  } catch (error) {
    return limit.aborted ? `no answer within ${CONNECT_MS / 1000} s, as when a firewall drops it` : messageOf(error);
  } finally {
    socket.destroy();
  }
}

/**
 * Whether a program listens on a port, at whatever address. To connect would not tell: the connection would be captured.
 * @param namespace path of a network namespace; this host's own when absent.
 */
export async function isListenedOn(port: number, namespace?: string): Promise<boolean> {
  const sockets = namespace === undefined ? readListeners() : await socketsInside(namespace);
  return sockets.some(socket => socket.listens && socket.port === port);
}

async function socketsInside(namespace: string): Promise<readonly TcpSocket[]> {
  // A kernel may have no IPv6.
  const read = ['/bin/sh', '-c', 'cat /proc/self/net/tcp /proc/self/net/tcp6 2>/dev/null || true'];
  return [...socketsIn(await run(inNamespace(findTools(), namespace, read)))];
}
