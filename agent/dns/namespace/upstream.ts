import { randomInt } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { failure } from '../answer.ts';
import { answers, DEADLINE_MS } from '../upstream.ts';

/** Sockets by the family of the servers that are asked from them. */
export interface AskingSockets {
  readonly 4: readonly Socket[];
  readonly 6: readonly Socket[];
}

interface Waiting {
  /** With the id that it was sent under. */
  readonly query: Buffer;
  readonly server: string;
  readonly heard: (reply: Buffer) => void;
}

const DNS_PORT = 53;
/** Queries under way at a time, of one namespace. */
const MOST_WAITING = 512;

/**
 * Passes queries on to the servers that programs of a namespace asked, from inside it. One try: the asker tries again by itself, as it
 * would without a mesh. Sockets are shared, so each query goes out under an id and from a port that chance chooses.
 */
export class NamespaceUpstream {
  readonly #sockets: AskingSockets;
  readonly #waiting = new Map<Socket, Map<number, Waiting>>();
  readonly #onRefused: () => void;
  #underWay = 0;

  /** @param onRefused called for each query that is too much. */
  constructor(sockets: AskingSockets, onRefused: () => void) {
    this.#sockets = sockets;
    this.#onRefused = onRefused;
    for (const socket of [...sockets[4], ...sockets[6]]) {
      const waiting = new Map<number, Waiting>();
      this.#waiting.set(socket, waiting);
      socket.on('message', (reply, { address, port }) => {
        const one = reply.length >= 12 ? waiting.get(reply.readUInt16BE(0)) : undefined;
        if (one && port === DNS_PORT && address === one.server && answers(one.query, reply)) one.heard(reply);
      });
    }
  }

  /** The answer as it came; undefined when there is none in time. @param server its address. */
  async ask(query: Buffer, server: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const sockets = this.#sockets[isIPv6(server) ? 6 : 4];
    const socket = sockets[randomInt(Math.max(1, sockets.length))];
    if (!socket) return undefined;
    if (this.#underWay >= MOST_WAITING) {
      this.#onRefused();
      return failure(query);
    }
    this.#underWay += 1;
    try {
      return await this.#exchange(query, socket, server, signal);
    } finally {
      this.#underWay -= 1;
    }
  }

  #exchange(query: Buffer, socket: Socket, server: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const waiting = this.#waiting.get(socket)!;
    let id = randomInt(0x1_00_00);
    while (waiting.has(id)) id = randomInt(0x1_00_00);
    const sent = withId(query, id);
    return new Promise(resolve => {
      const finish = (reply?: Buffer): void => {
        clearTimeout(deadline);
        signal.removeEventListener('abort', giveUp);
        waiting.delete(id);
        resolve(reply && withId(reply, query.readUInt16BE(0)));
      };
      const giveUp = (): void => finish();
      const deadline = setTimeout(giveUp, DEADLINE_MS);
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.set(id, { query: sent, server, heard: finish });
      socket.send(sent, DNS_PORT, server, error => {
        if (error) giveUp();
      });
    });
  }
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}
