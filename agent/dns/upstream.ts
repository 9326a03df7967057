import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { FORGET_SECONDS } from '../redirect/spec.ts';
import { failure } from './answer.ts';
import type { Resolvers } from './resolv-conf.ts';

/** A server that said nothing for so long gets company: the next is asked too, milliseconds. glibc waits 5 s, but its caller waits here as well. */
const PATIENCE_MS = 1000;
/** Each server is asked so many times, as with glibc's `attempts`. */
const ROUNDS = 2;
/**
 * After so long there is no answer, milliseconds: before a caller with glibc's patience (5 s) gives up, and before the kernel
 * forgets where the answer has to go.
 */
export const DEADLINE_MS: number = FORGET_SECONDS * 1000 - 500;

/** Response codes with which another server is tried: it may know better (as glibc does). */
const TRY_ANOTHER = new Set([2, 4, 5]);

/** Asks the host's servers over UDP. */
export class Upstream {
  readonly #port: number;
  #resolvers: Resolvers;
  #turn = 0;

  /** @param port of the servers, 53 but in tests. */
  constructor(resolvers: Resolvers, port: number) {
    this.#resolvers = resolvers;
    this.#port = port;
  }

  setResolvers(resolvers: Resolvers): void {
    this.#resolvers = resolvers;
  }

  /** The servers to try for the next question, in order. */
  servers(): readonly { readonly address: string; readonly port: number }[] {
    const { servers, rotate } = this.#resolvers;
    const first = rotate ? this.#turn++ % servers.length : 0;
    const order = [...servers.slice(first), ...servers.slice(0, first)];
    return order.map(address => ({ address, port: this.#port }));
  }

  /**
   * Sends the query as it is and resolves to an answer as it came; to "server failure" when no server gave any. Each try has a
   * socket of its own, so that a forger has to guess its port besides the id.
   */
  ask(query: Buffer, signal: AbortSignal): Promise<Buffer> {
    const servers = this.servers();
    const tries = Array.from({ length: ROUNDS }, () => servers).flat();
    return new Promise(resolve => {
      const sockets = new Set<Socket>();
      let next = 0;
      let open = 0;
      let second: Buffer | undefined;
      let patience: NodeJS.Timeout | undefined;
      const finish = (reply: Buffer): void => {
        clearTimeout(patience);
        clearTimeout(deadline);
        signal.removeEventListener('abort', giveUp);
        for (const socket of sockets) socket.close();
        sockets.clear();
        resolve(reply);
      };
      const giveUp = (): void => finish(second ?? failure(query));
      const advance = (): void => {
        clearTimeout(patience);
        const server = tries[next];
        next += 1;
        if (server) {
          open += 1;
          patience = setTimeout(advance, PATIENCE_MS);
          sockets.add(exchange(query, server, heard, lost));
        } else if (open === 0) giveUp();
      };
      const heard = (reply: Buffer): void => {
        if (TRY_ANOTHER.has(reply[3]! & 0x0f)) {
          second ??= reply;
          lost();
        } else finish(reply);
      };
      const lost = (): void => {
        open -= 1;
        advance();
      };
      const deadline = setTimeout(giveUp, DEADLINE_MS);
      signal.addEventListener('abort', giveUp, { once: true });
      advance();
    });
  }
}

/** One try: the socket takes datagrams of that server only, and of these the first that answers this query. */
function exchange(
  query: Buffer,
  server: { readonly address: string; readonly port: number },
  heard: (reply: Buffer) => void,
  lost: () => void,
): Socket {
  const socket = createSocket(isIPv6(server.address.split('%', 1)[0]!) ? 'udp6' : 'udp4');
  let over = false;
  const end = (then: () => void): void => {
    if (over) return;
    over = true;
    then();
  };
  socket.on('message', reply => {
    if (answers(query, reply)) end(() => heard(reply));
  });
  // Nobody listens there, or there is no way to it.
  socket.on('error', () => end(lost));
  socket.on('close', () => {
    over = true;
  });
  socket.on('connect', () => {
    if (!over) socket.send(query);
  });
  socket.connect(server.port, server.address);
  return socket;
}

/** Same id and, where it is one question, the same question but for its case. */
export function answers(query: Buffer, reply: Buffer): boolean {
  if (reply.length < 12 || (reply[2]! & 0x80) === 0 || reply.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  if (reply.readUInt16BE(4) !== 1 || query.readUInt16BE(4) !== 1) return true;
  let end = 12;
  while (end < query.length && query[end]! !== 0) end += 1 + query[end]!;
  const asked = query.subarray(12, end + 5);
  return (
    asked.toString('latin1').toLowerCase() ===
    reply
      .subarray(12, end + 5)
      .toString('latin1')
      .toLowerCase()
  );
}
