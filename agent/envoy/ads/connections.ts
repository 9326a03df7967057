import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { ConnectionInjector } from '@grpc/grpc-js';

/**
 * The connections of a gRPC server. It waits for ever for peers that do not read what it has yet to say to them, and keeps its sockets to
 * itself: so they are accepted here.
 */
export class Connections {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  constructor(injector: Pick<ConnectionInjector, 'injectConnection'>) {
    this.#server = createServer(socket => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
      injector.injectConnection(socket);
    });
  }

  /** Listens on a unix socket, and no more on one before. @throws when it cannot be made. */
  async listen(path: string): Promise<void> {
    if (this.#server.listening) this.#server.close();
    this.#server.listen(path);
    await once(this.#server, 'listening');
  }

  /** Takes no more, and ends those that stand at once. */
  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}
