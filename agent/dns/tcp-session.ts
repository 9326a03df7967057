import { connect, type Socket } from 'node:net';
import { failure } from './answer.ts';
import { Framing, frame } from './framing.ts';

/** Connects to the server whose turn it is; undefined when there is none left. Rejects when that one cannot be reached. */
export type Dial = (turn: number) => Promise<Socket> | undefined;

/** Connects to the first of these servers that takes it. */
export function dialInTurn(servers: readonly { readonly address: string; readonly port: number }[]): Dial {
  return turn => {
    const server = servers[turn];
    return server && connected(connect({ host: server.address, port: server.port, noDelay: true }));
  };
}

function connected(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('it takes too long')), CONNECT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
    socket.once('close', () => clearTimeout(timer));
  });
}

/** Of one connection that are under way at a time, here or at the other server. More wait in the kernel: the connection is read no further. */
const MOST_PENDING = 64;
/** A connection on which nothing happens is closed, milliseconds. */
const IDLE_MS = 30_000;
const CONNECT_MS = 2000;

/**
 * Serves one TCP connection of a program. What is not ours goes to another server over one connection of its own, and all
 * that comes back from there is passed on, also when an answer is many messages (zone transfers).
 * @param own the answer to a query about our names; undefined when it is for other servers.
 * @param idleMs after which a connection on which nothing happens is closed.
 */
export function serveTcp(
  client: Socket,
  own: (query: Buffer) => Promise<Buffer | undefined>,
  dial: Dial,
  idleMs: number = IDLE_MS,
): void {
  const framing = new Framing();
  const upstream = new TcpUpstream(dial, send, flow, idleMs);
  let pending = 0;
  let ended = false;
  // Who asks nothing more still waits for answers, and the other server is told the same.
  function finish(): void {
    if (ended && pending === 0) upstream.finish(() => client.end());
  }
  function flow(): void {
    if (upstream.isFull || pending + upstream.waiting >= MOST_PENDING) client.pause();
    else client.resume();
  }
  function send(message: Buffer): void {
    if (!client.writable) return;
    // A reader that is slower than the server holds the server up.
    if (!client.write(frame(message))) upstream.pause();
  }
  async function serve(query: Buffer): Promise<void> {
    pending += 1;
    flow();
    try {
      const reply = await own(query);
      if (reply) send(reply);
      else upstream.send(query);
    } finally {
      pending -= 1;
      flow();
      finish();
    }
  }
  client.allowHalfOpen = true;
  client.on('end', () => {
    ended = true;
    finish();
  });
  client.setTimeout(idleMs, () => client.destroy());
  client.on('drain', () => upstream.resume());
  client.on('error', () => client.destroy());
  client.on('close', () => upstream.close());
  client.on('data', (bytes: Buffer) => {
    for (const query of framing.push(bytes)) if (query.length >= 12) serve(query).catch(() => client.destroy());
  });
}

/** One connection to the first server that takes it. */
class TcpUpstream {
  readonly #dial: Dial;
  readonly #heard: (message: Buffer) => void;
  readonly #eased: () => void;
  readonly #idleMs: number;
  /** Queries without an answer so far, by id. */
  readonly #waiting = new Map<number, Buffer>();
  #socket: Socket | undefined;
  #dialling = false;
  #closed = false;
  #finished: (() => void) | undefined;

  /** @param eased called when there may be room for more queries. */
  constructor(dial: Dial, heard: (message: Buffer) => void, eased: () => void, idleMs: number) {
    this.#dial = dial;
    this.#heard = heard;
    this.#eased = eased;
    this.#idleMs = idleMs;
  }

  /** Queries without an answer so far. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether the server takes what it is sent more slowly than it comes. */
  get isFull(): boolean {
    return this.#socket?.writableNeedDrain ?? false;
  }

  send(query: Buffer): void {
    if (this.#closed) return;
    this.#waiting.set(query.readUInt16BE(0), query);
    if (this.#socket) this.#socket.write(frame(query));
    else if (!this.#dialling) void this.#open();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Nothing more is asked. @param finished called once nothing more will be answered. */
  finish(finished: () => void): void {
    this.#finished = finished;
    if (this.#socket) this.#socket.end();
    else if (!this.#dialling) finished();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  async #open(): Promise<void> {
    this.#dialling = true;
    const socket = await this.#first();
    this.#dialling = false;
    if (socket && this.#closed) socket.destroy();
    else if (socket) this.#use(socket);
    else this.#fail();
  }

  async #first(): Promise<Socket | undefined> {
    for (let turn = 0; ; turn += 1) {
      const dialled = this.#dial(turn);
      if (!dialled) return undefined;
      const socket = await dialled.catch(() => undefined);
      if (socket) return socket;
    }
  }

  #use(socket: Socket): void {
    const framing = new Framing();
    this.#socket = socket;
    socket.setTimeout(this.#idleMs, () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      for (const message of framing.push(bytes)) {
        if (message.length >= 2) this.#waiting.delete(message.readUInt16BE(0));
        this.#heard(message);
      }
      this.#eased();
    });
    socket.on('drain', this.#eased);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#socket = undefined;
      if (!this.#closed) this.#fail();
    });
    for (const query of this.#waiting.values()) socket.write(frame(query));
    if (this.#finished) socket.end();
  }

  #fail(): void {
    const queries = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const query of queries) this.#heard(failure(query));
    this.#eased();
    this.#finished?.();
  }
}
