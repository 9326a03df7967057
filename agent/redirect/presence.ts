import { createSocket, type Socket } from 'node:dgram';

/** The discard port (RFC 863): should the rules be gone, nobody minds what goes there. */
export const DISCARD_PORT = 9;

/**
 * Tells whether the rules of the host are in force by what they do: they refuse every datagram to a virtual IP. It costs one
 * system call where listing the rules costs a process, so it can be asked each second.
 */
export class Presence implements Disposable {
  readonly #socket: Socket = createSocket('udp4');

  constructor() {
    // The refusal also comes back as an ICMP message now and then.
    this.#socket.on('error', () => undefined);
    this.#socket.unref();
  }

  /** @param virtualRanges as captured. True when there is none of IPv4. */
  inForce(virtualRanges: readonly string[]): Promise<boolean> {
    const address = unusedAddress(virtualRanges);
    if (address === undefined) return Promise.resolve(true);
    return isRefused(this.#socket, address);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** Whether the rules refuse a datagram to a virtual IP. @param socket where it is sent from; bound or not. */
export function isRefused(socket: Socket, address: string): Promise<boolean> {
  return new Promise(resolve => {
    socket.send('', DISCARD_PORT, address, error => resolve((error as NodeJS.ErrnoException | null)?.code === 'EPERM'));
  });
}

/** The first address of the first IPv4 range, which belongs to no service. */
export function unusedAddress(virtualRanges: readonly string[]): string | undefined {
  return virtualRanges.find(range => !range.includes(':'))?.split('/')[0];
}
