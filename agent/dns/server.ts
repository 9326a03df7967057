import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { withPort } from '../../manager/model/util/address.ts';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import { whoListens } from '../../manager/model/util/taken-port.ts';
import { forUdp } from './answer.ts';
import { Answerer, type AnswererOptions } from './answerer.ts';
import type { Asker } from './asker.ts';
import { Connections } from './connections.ts';
import { Forwarder } from './forwarder.ts';
import type { Owners } from './owners.ts';
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
  /** Exchanges with other servers under way at a time; see `Forwarder`. */
  readonly mostForwarded?: number;
  /** Connections of programs at a time, 512 but in tests. */
  readonly mostConnections?: number;
  /** Tells who owns sockets; for tests. */
  readonly owners?: Pick<Owners, 'now'>;
}

/** What a server did since its start. */
export interface DnsCounts {
  readonly answered: number;
  readonly forwarded: number;
  /** Questions refused, and connections closed, because too many were under way; in namespaces, too. */
  readonly overloaded: number;
}

const MOST_CONNECTIONS = 512;

/** Where any port will do, so many are looked at. */
const TRIES = 10;

/** The name server of a host: names of the mesh from memory, all else from the host's own servers, byte for byte. */
export class DnsServer implements AsyncDisposable {
  readonly #options: DnsServerOptions;
  readonly #upstream: Upstream;
  readonly #stop = new AbortController();
  readonly #udp: UdpSocket[] = [];
  readonly #tcp: Server[] = [];
  readonly #connections: Connections;
  readonly #forwarder: Forwarder;
  /** What it says of the names of the mesh. */
  readonly answerer: Answerer;
  #ipv6 = false;
  readonly #otherPorts: number[] = [];

  private constructor(options: DnsServerOptions) {
    this.#options = options;
    this.answerer = new Answerer(options);
    this.#upstream = new Upstream(options.resolvers, options.upstreamPort ?? 53);
    const { overload } = this.answerer;
    this.#connections = new Connections(options.mostConnections ?? MOST_CONNECTIONS, overload, options.owners);
    this.#forwarder = new Forwarder({
      upstream: this.#upstream,
      overload,
      signal: this.#stop.signal,
      most: options.mostForwarded,
      owners: options.owners,
    });
  }

  /** Resolves when it answers. @throws when the port is taken. */
  static async start(options: DnsServerOptions): Promise<DnsServer> {
    for (let left = options.port === 0 ? TRIES : 1; ; left -= 1) {
      try {
        return await DnsServer.#begin(options);
      } catch (error) {
        // A port that is free at one address in one protocol may be somebody's at another.
        if (left === 1 || codeOf((error as Error).cause) !== 'EADDRINUSE') throw error;
      }
    }
  }

  static async #begin(options: DnsServerOptions): Promise<DnsServer> {
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
    const { answered, foreign } = this.answerer.counts;
    return { answered, forwarded: foreign, overloaded: this.answerer.overload.count };
  }

  setResolvers(resolvers: Resolvers): void {
    this.#upstream.setResolvers(resolvers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#connections[Symbol.dispose]();
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
    tcp.listen({ host: address, port });
    await once(tcp, 'listening').catch(untilFree('TCP', address, port));
    this.#tcp.push(tcp);
    const udp = udpSocket(address === '::1' ? 6 : 4);
    this.#udp.push(udp);
    // Where any port will do, one that is free in TCP: those are short, as connections have them too.
    const { port: bound } = tcp.address() as AddressInfo;
    udp.bind(bound, address);
    await once(udp, 'listening').catch(untilFree('UDP', address, bound));
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
    const asker: Asker = { protocol: 'tcp', address: client.remoteAddress ?? '', port: client.remotePort ?? 0 };
    const serve = (query: Buffer): Promise<Buffer | undefined> => this.#own(query, asker);
    serveTcp(client, serve, dialInTurn(this.#upstream.servers()));
  }

  async #serveUdp(query: Buffer, asker: Asker): Promise<Buffer> {
    const own = await this.#own(query, asker);
    return own ? forUdp(own, query) : this.#forwarder.ask(query, asker);
  }

  #own(query: Buffer, asker: Asker): Promise<Buffer | undefined> {
    const { namespaceOf } = this.#options;
    return this.answerer.answer(query, { namespace: () => namespaceOf(asker), ipv6: this.#ipv6 });
  }

  readonly #failed = (error: unknown): void => {
    this.#options.logger.warn('could not answer a DNS query', { reason: messageOf(error) });
  };
}

/** Says of a port that somebody has who to look for; any other error is thrown as it is. */
function untilFree(protocol: 'TCP' | 'UDP', address: string, port: number): (error: unknown) => never {
  return cause => {
    if (codeOf(cause) !== 'EADDRINUSE') throw cause;
    throw new Error(
      `cannot answer DNS at ${withPort(address, port)} (${protocol}): another program has that port (${whoListens(port, protocol)}); end it, or have it listen elsewhere, as this port is the mesh's on every host`,
      { cause },
    );
  };
}
