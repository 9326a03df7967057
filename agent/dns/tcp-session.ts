import { connect, type Socket } from 'node:net';
import { failure } from './answer.ts';
import { Framing, frame } from './framing.ts';

interface Server {
  readonly address: string;
  readonly port: number;
}

/** Of one connection that are under way at a time. More wait in the kernel: the connection is read no further. */
const MOST_PENDING = 64;
/** A connection on which nothing happens is closed, milliseconds. */
const IDLE_MS = 30_000;
const CONNECT_MS = 2000;

/**
 * Serves one TCP connection of a program. What is not ours goes to the host's server over one connection of its own, and all
 * that comes back from there is passed on, also when an answer is many messages (zone transfers).
 * @param own the answer to a query about our names; undefined when it is for other servers.
 */
export function serveTcp(
  client: Socket,
  own: (query: Buffer) => Promise<Buffer | undefined>,
  servers: readonly Server[],
): void {
  const framing = new Framing();
  const upstream = new TcpUpstream(servers, message => send(message));
  let pending = 0;
  const send = (message: Buffer): void => {
    if (!client.writable) return;
    // A reader that is slower than the server holds the server up.
    if (!client.write(frame(message))) upstream.pause();
  };
  const serve = async (query: Buffer): Promise<void> => {
    pending += 1;
    if (pending >= MOST_PENDING) client.pause();
    try {
      const reply = await own(query);
      if (reply) send(reply);
      else upstream.send(query);
    } finally {
      pending -= 1;
      client.resume();
    }
  };
  client.setTimeout(IDLE_MS, () => client.destroy());
  client.on('drain', () => upstream.resume());
  client.on('error', () => client.destroy());
  client.on('close', () => upstream.close());
  client.on('data', (bytes: Buffer) => {
    for (const query of framing.push(bytes)) if (query.length >= 12) serve(query).catch(() => client.destroy());
  });
}

/** One connection to the first server that takes it. */
class TcpUpstream {
  readonly #servers: readonly Server[];
  readonly #heard: (message: Buffer) => void;
  /** Queries without an answer so far, by id. */
  readonly #waiting = new Map<number, Buffer>();
  #socket: Socket | undefined;
  #closed = false;

  constructor(servers: readonly Server[], heard: (message: Buffer) => void) {
    this.#servers = servers;
    this.#heard = heard;
  }

  send(query: Buffer): void {
    if (this.#closed) return;
    this.#waiting.set(query.readUInt16BE(0), query);
    if (this.#socket) this.#socket.write(frame(query));
    else this.#open(0);
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #open(turn: number): void {
    const server = this.#servers[turn];
    if (!server) {
      this.#fail();
      return;
    }
    const socket = connect({ host: server.address, port: server.port, noDelay: true });
    const framing = new Framing();
    let connected = false;
    const timer = setTimeout(() => socket.destroy(), CONNECT_MS);
    this.#socket = socket;
    socket.on('connect', () => {
      connected = true;
      clearTimeout(timer);
      socket.setTimeout(IDLE_MS, () => socket.destroy());
    });
    socket.on('data', (bytes: Buffer) => {
      for (const message of framing.push(bytes)) {
        if (message.length >= 2) this.#waiting.delete(message.readUInt16BE(0));
        this.#heard(message);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      this.#socket = undefined;
      if (this.#closed || this.#waiting.size === 0) return;
      if (connected) this.#fail();
      else this.#open(turn + 1);
    });
    for (const query of this.#waiting.values()) socket.write(frame(query));
  }

  #fail(): void {
    const queries = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const query of queries) this.#heard(failure(query));
  }
}
