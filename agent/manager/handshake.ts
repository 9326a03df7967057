import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { MANAGER_SNI } from './client.ts';

/**
 * Shakes hands with a Manager, beside gRPC, which does not show what was seen, nor why it failed. The caller destroys the socket.
 * @param address such as `10.0.0.1:15012`.
 * @throws what the connection failed with, or the reason of the signal.
 */
export function shakeHands(address: string, options: ConnectionOptions, signal: AbortSignal): Promise<TLSSocket> {
  const { hostname, port } = new URL(`tls://${address}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host, port: Number(port), servername: MANAGER_SNI, ALPNProtocols: ['h2'], ...options });
    const abort = (): void => fail(signal.reason);
    const fail = (cause: unknown): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      reject(cause);
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.on('error', fail);
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', abort);
      resolve(socket);
    });
  });
}
