import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { messageOf } from '../../../manager/model/util/errors.ts';
import type { Logger } from '../../../manager/model/util/log.ts';
import { NAMESPACE_DNS_PORTS } from '../../redirect/namespace-dns.ts';
import type { Tools } from '../../redirect/nft.ts';
import { DISCARD_PORT, isRefused } from '../../redirect/presence.ts';
import { forUdp } from '../answer.ts';
import type { Answerer, AskerFacts } from '../answerer.ts';
import { isAnswerable } from '../question.ts';
import { serveTcp } from '../tcp-session.ts';
import { closeSocket, type MadeSocket, makeSockets } from './sockets.ts';
import { NamespaceUpstream } from './upstream.ts';

/** The server that questions which arrive at a port were sent to; undefined when that is not known. */
export type ServerOf = (family: 4 | 6, port: number) => Promise<string | undefined>;

export interface NamespaceServerOptions {
  /** Path of the network namespace. */
  readonly path: string;
  /** Namespace of the mesh that its workload is in. */
  readonly namespace: string;
  readonly answerer: Answerer;
  readonly serverOf: ServerOf;
  readonly proxyUid: number;
  readonly tools: Tools;
  readonly logger: Logger;
}

/** Sockets of each family that other servers are asked from. */
const ASKING = 8;
/** Connections of programs of one namespace at a time. */
const MOST_CONNECTIONS = 64;
const DNS_PORT = 53;
/** A connection to another server costs a process: they are made one by one, and so many may wait for theirs. */
const MOST_CONNECTING = 16;
const CONNECT_MS = 5000;

/**
 * Answers the questions of one network namespace, from inside it: names of the mesh from memory, all else from the server that the
 * program asked, byte for byte.
 */
export class NamespaceServer implements Disposable {
  readonly #options: NamespaceServerOptions;
  readonly #sockets: readonly MadeSocket[];
  readonly #upstream: NamespaceUpstream;
  readonly #connections = new Set<Socket>();
  readonly #stop = new AbortController();
  readonly #facts: AskerFacts;
  #connecting = 0;
  #lastConnect: Promise<unknown> = Promise.resolve();

  private constructor(options: NamespaceServerOptions, sockets: readonly MadeSocket[]) {
    this.#options = options;
    this.#sockets = sockets;
    const asking = (family: 4 | 6): UdpSocket[] =>
      sockets.filter(made => made.kind === 'asking' && made.family === family).map(made => made.handle as UdpSocket);
    const { answerer, path } = options;
    const who = `the network namespace ${path}`;
    this.#upstream = new NamespaceUpstream({ 4: asking(4), 6: asking(6) }, () => answerer.overload.refused(who));
    this.#facts = { namespace: async () => options.namespace, ipv6: asking(6).length > 0 };
    for (const made of sockets) this.#listen(made);
  }

  /** Resolves when it answers. @throws when the namespace is not there, or a port is taken in it. */
  static async open(options: NamespaceServerOptions, signal: AbortSignal): Promise<NamespaceServer> {
    const { tools, path, proxyUid } = options;
    const order = { uid: proxyUid, ports: NAMESPACE_DNS_PORTS, asking: ASKING };
    return new NamespaceServer(options, await makeSockets(tools, path, order, signal));
  }

  /** Tells the rules of the namespace that its questions are answered. */
  beat(): void {
    this.#first('udp').send('', DISCARD_PORT, '127.0.0.1');
  }

  /** Whether the rules are in force, by what they do. @param address virtual and of IPv4; see `Presence`. */
  captured(address: string): Promise<boolean> {
    return isRefused(this.#first('asking'), address);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    for (const connection of this.#connections) connection.destroy();
    for (const { handle } of this.#sockets) closeSocket(handle);
  }

  #first(kind: MadeSocket['kind']): UdpSocket {
    return this.#sockets.find(made => made.kind === kind)!.handle as UdpSocket;
  }

  #listen({ kind, family, port, handle }: MadeSocket): void {
    handle.on('error', this.#failed);
    if (kind === 'tcp') {
      (handle as Server).maxConnections = MOST_CONNECTIONS;
      handle.on('connection', client => this.#accept(client as Socket, family, port));
    }
    if (kind !== 'udp') return;
    const socket = handle as UdpSocket;
    socket.on('message', (query, from) => {
      const reply = (message: Buffer | undefined): void => {
        if (message && !this.#stop.signal.aborted) socket.send(message, from.port, from.address);
      };
      if (isAnswerable(query, from.port)) this.#serveUdp(query, family, port).then(reply, this.#failed);
    });
  }

  async #serveUdp(query: Buffer, family: 4 | 6, port: number): Promise<Buffer | undefined> {
    const { answerer, serverOf } = this.#options;
    const own = await answerer.answer(query, this.#facts);
    if (own) return forUdp(own, query);
    const server = await serverOf(family, port);
    return server === undefined ? undefined : this.#upstream.ask(query, server, this.#stop.signal);
  }

  #accept(client: Socket, family: 4 | 6, port: number): void {
    this.#connections.add(client);
    client.on('close', () => this.#connections.delete(client));
    const own = (query: Buffer): Promise<Buffer | undefined> => this.#options.answerer.answer(query, this.#facts);
    serveTcp(client, own, turn => (turn === 0 ? this.#connect(family, port) : undefined));
  }

  async #connect(family: 4 | 6, port: number): Promise<Socket> {
    if (this.#connecting >= MOST_CONNECTING) throw new Error('too many connections to name servers are being made');
    this.#connecting += 1;
    const made = this.#lastConnect.then(() => this.#connectNow(family, port));
    this.#lastConnect = made.catch(() => undefined);
    try {
      return await made;
    } finally {
      this.#connecting -= 1;
    }
  }

  async #connectNow(family: 4 | 6, port: number): Promise<Socket> {
    const { serverOf, tools, path, proxyUid } = this.#options;
    const address = await serverOf(family, port);
    if (address === undefined) throw new Error('it is not known which server was asked');
    const order = { uid: proxyUid, ports: [], asking: 0, connect: { address, port: DNS_PORT } };
    const deadline = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(CONNECT_MS)]);
    const [made] = await makeSockets(tools, path, order, deadline);
    if (!made) throw new Error('no connection was handed over');
    return made.handle as Socket;
  }

  readonly #failed = (error: unknown): void => {
    if (this.#stop.signal.aborted) return;
    const { path, logger } = this.#options;
    logger.warn('DNS of a network namespace', { namespace: path, reason: messageOf(error) });
  };
}
