import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../../manager/model/util/errors.ts';
import { failure, forUdp } from './answer.ts';
import { Answerer, type AnswererOptions } from './answerer.ts';
import type { Asker } from './asker.ts';
import { isAnswerable } from './question.ts';
import type { Resolvers } from './resolv-conf.ts';
import { udpSocket, unlessNoIpv6 } from './sockets.ts';
import { dialInTurn, serveTcp } from './tcp-session.ts';
import { Upstream } from './upstream.ts';

export interface DnsServerOptions extends AnswererOptions {
  /** On 127.0.0.1 and, where the host has IPv6, on ::1. 0: any free port. */
  readonly port: number;
  /** More ports that it answers at, of those that can be had. */
  readonly otherPorts?: readonly number[];
  readonly resolvers: Resolvers;
  /** Namespace of the workload that asks; undefined when it is not known. Asked only where a short name depends on it. */
  readonly namespaceOf: (asker: Asker) => Promise<string | undefined>;
  /** Of the host's servers, 53 but in tests. */
  readonly upstreamPort?: number;
  /** Queries under way at other servers, 1024 but in tests. */
  readonly mostForwarded?: number;
}

/** What a server did since its start. */
export interface DnsCounts {
  readonly answered: number;
  readonly forwarded: number;
  /** Refused because too many were under way. */
  readonly overloaded: number;
}

/** Queries under way at other servers: each has a socket; */
const MOST_FORWARDED = 1024;
/** and so many may be for the same question: a loop between servers would fill all places with one. */
const MOST_ALIKE = 64;
const MOST_CONNECTIONS = 256;

/** The name server of a host: names of the mesh from memory, all else from the host's own servers, byte for byte. */
export class DnsServer implements AsyncDisposable {
  readonly #options: DnsServerOptions;
  readonly #upstream: Upstream;
  readonly #stop = new AbortController();
  readonly #udp: UdpSocket[] = [];
  readonly #tcp: Server[] = [];
  readonly #connections = new Set<Socket>();
  readonly #alike = new Map<string, number>();
  /** What it says of the names of the mesh. */
  readonly answerer: Answerer;
  #ipv6 = false;
  readonly #otherPorts: number[] = [];
  #forwarded = 0;
  #refused = 0;

  private constructor(options: DnsServerOptions) {
    this.#options = options;
    this.answerer = new Answerer(options);
    this.#upstream = new Upstream(options.resolvers, options.upstreamPort ?? 53);
  }

  /** Resolves when it answers. @throws when the port is taken. */
  static async start(options: DnsServerOptions): Promise<DnsServer> {
    const server = new DnsServer(options);
    try {
      await server.#listen('127.0.0.1', options.port);
      try {
        await server.#listen('::1', server.port);
        server.#ipv6 = true;
      } catch (error) {
        unlessNoIpv6(error);
        options.logger.info('this host has no IPv6: DNS answers on 127.0.0.1 alone, and gives out no IPv6 addresses');
      }
      for (const port of options.otherPorts ?? []) await server.#listenAlso(port);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get port(): number {
    return this.#udp[0]?.address().port ?? this.#options.port;
  }

  /** Those of the other ports that it answers at. */
  get otherPorts(): readonly number[] {
    return this.#otherPorts;
  }

  get counts(): DnsCounts {
    const { answered, foreign, overloaded } = this.answerer.counts;
    return { answered, forwarded: foreign, overloaded: overloaded + this.#refused };
  }

  setResolvers(resolvers: Resolvers): void {
    this.#upstream.setResolvers(resolvers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const connection of this.#connections) connection.destroy();
    const closed = [...this.#udp, ...this.#tcp].map(server => once(server, 'close'));
    for (const server of [...this.#udp, ...this.#tcp]) server.close();
    await Promise.all(closed);
  }

  /** A port that another program has is done without: that must not keep a host from its names. */
  async #listenAlso(port: number): Promise<void> {
    const [tcp, udp] = [this.#tcp.length, this.#udp.length];
    try {
      await this.#listen('127.0.0.1', port);
      if (this.#ipv6) await this.#listen('::1', port);
      this.#otherPorts.push(port);
    } catch (error) {
      for (const server of [...this.#tcp.splice(tcp), ...this.#udp.splice(udp)]) server.close();
      this.#options.logger.warn(
        'a port for questions cannot be had; the name server that would have it is asked as without a mesh',
        {
          port,
          reason: messageOf(error),
        },
      );
    }
  }

  async #listen(address: string, port: number): Promise<void> {
    const tcp = createServer(client => this.#accept(client));
    tcp.maxConnections = MOST_CONNECTIONS;
    tcp.listen({ host: address, port });
    await once(tcp, 'listening');
    this.#tcp.push(tcp);
    const udp = udpSocket(address === '::1' ? 6 : 4);
    this.#udp.push(udp);
    // Where any port will do, one that is free in TCP: those are short, as connections have them too.
    udp.bind((tcp.address() as AddressInfo).port, address);
    await once(udp, 'listening');
    udp.on('error', error => this.#options.logger.warn('DNS over UDP', { reason: messageOf(error) }));
    udp.on('message', (query, { address: from, port: fromPort }) => {
      const reply = (message: Buffer): void => {
        if (!this.#stop.signal.aborted) udp.send(message, fromPort, from);
      };
      if (isAnswerable(query, fromPort))
        this.#serveUdp(query, { protocol: 'udp', address: from, port: fromPort }).then(reply, this.#failed);
    });
  }

  #accept(client: Socket): void {
    this.#connections.add(client);
    client.on('close', () => this.#connections.delete(client));
    const asker: Asker = { protocol: 'tcp', address: client.remoteAddress ?? '', port: client.remotePort ?? 0 };
    const serve = (query: Buffer): Promise<Buffer | undefined> => this.#own(query, asker);
    serveTcp(client, serve, dialInTurn(this.#upstream.servers()));
  }

  async #serveUdp(query: Buffer, asker: Asker): Promise<Buffer> {
    const own = await this.#own(query, asker);
    if (!own) return this.#forward(query);
    return forUdp(own, query);
  }

  #own(query: Buffer, asker: Asker): Promise<Buffer | undefined> {
    const { namespaceOf } = this.#options;
    return this.answerer.answer(query, { namespace: () => namespaceOf(asker), ipv6: this.#ipv6 });
  }

  async #forward(query: Buffer): Promise<Buffer> {
    const key = query.toString('latin1', 12);
    const alike = this.#alike.get(key) ?? 0;
    const most = this.#options.mostForwarded ?? MOST_FORWARDED;
    if (this.#forwarded >= most || alike >= MOST_ALIKE) return this.#refuse(query);
    this.#forwarded += 1;
    this.#alike.set(key, alike + 1);
    try {
      return await this.#upstream.ask(query, this.#stop.signal);
    } finally {
      this.#forwarded -= 1;
      const left = this.#alike.get(key)! - 1;
      if (left === 0) this.#alike.delete(key);
      else this.#alike.set(key, left);
    }
  }

  #refuse(query: Buffer): Buffer {
    this.#refused += 1;
    return failure(query);
  }

  readonly #failed = (error: unknown): void => {
    this.#options.logger.warn('could not answer a DNS query', { reason: messageOf(error) });
  };
}
