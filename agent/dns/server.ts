import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { ServiceName } from '../../manager/model/host-view.ts';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { answer, failure, truncate } from './answer.ts';
import type { Asker } from './asker.ts';
import { type Meaning, NameTable } from './names.ts';
import { CLASS_IN, isQuery, type Question, readQuestion } from './question.ts';
import type { Resolvers } from './resolv-conf.ts';
import { serveTcp } from './tcp-session.ts';
import { Upstream } from './upstream.ts';

export interface DnsServerOptions {
  /** On 127.0.0.1 and, where the host has IPv6, on ::1. 0: any free port. */
  readonly port: number;
  readonly resolvers: Resolvers;
  /**
   * Called with the canonical hostname of a service that someone asks for; answered once it is ready to be called, or after
   * half a second.
   */
  readonly onQuery: (hostname: string) => Promise<void>;
  /** Namespace of the workload that asks; undefined when it is not known. Asked only where a short name depends on it. */
  readonly namespaceOf: (asker: Asker) => Promise<string | undefined>;
  readonly logger: Logger;
  /** Of the host's servers, 53 but in tests. */
  readonly upstreamPort?: number;
}

/** What a server did since its start. */
export interface DnsCounts {
  readonly answered: number;
  readonly forwarded: number;
  /** Refused because too many were under way. */
  readonly overloaded: number;
}

/** An answer waits so long for the proxy to be ready, milliseconds. */
const READY_MS = 500;
/** Queries under way at a time. */
const MOST_QUERIES = 4096;
/** Of those, queries at other servers: each has a socket; */
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
  #names: NameTable | undefined;
  #underWay = 0;
  #forwarded = 0;
  #counts = { answered: 0, forwarded: 0, overloaded: 0 };

  private constructor(options: DnsServerOptions) {
    this.#options = options;
    this.#upstream = new Upstream(options.resolvers, options.upstreamPort ?? 53);
  }

  /** Resolves when it answers. @throws when the port is taken. */
  static async start(options: DnsServerOptions): Promise<DnsServer> {
    const server = new DnsServer(options);
    try {
      await server.#listen('127.0.0.1', options.port);
      await server.#listen('::1', server.port).catch((error: unknown) => {
        if (!['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes(codeOf(error) ?? '')) throw error;
        options.logger.info('this host has no IPv6: DNS answers on 127.0.0.1 alone, and gives out no IPv6 addresses');
      });
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get port(): number {
    return this.#udp[0]?.address().port ?? this.#options.port;
  }

  get counts(): DnsCounts {
    return { ...this.#counts };
  }

  /** All services of the mesh. Until the first call, names under `.mesh` are "server failure", not "no such name". */
  setNames(services: readonly ServiceName[]): void {
    this.#names = new NameTable(services);
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

  async #listen(address: string, port: number): Promise<void> {
    const udp = address === '::1' ? createSocket({ type: 'udp6', ipv6Only: true }) : createSocket('udp4');
    this.#udp.push(udp);
    udp.bind(port, address);
    await once(udp, 'listening');
    const tcp = createServer(client => this.#accept(client));
    tcp.maxConnections = MOST_CONNECTIONS;
    tcp.listen({ host: address, port: udp.address().port });
    await once(tcp, 'listening');
    this.#tcp.push(tcp);
    udp.on('error', error => this.#options.logger.warn('DNS over UDP', { reason: messageOf(error) }));
    udp.on('message', (query, { address: from, port: fromPort }) => {
      const reply = (message: Buffer): void => {
        if (!this.#stop.signal.aborted) udp.send(message, fromPort, from);
      };
      if (isQuery(query))
        this.#serveUdp(query, { protocol: 'udp', address: from, port: fromPort }).then(reply, this.#failed);
    });
  }

  #accept(client: Socket): void {
    this.#connections.add(client);
    client.on('close', () => this.#connections.delete(client));
    const asker: Asker = { protocol: 'tcp', address: client.remoteAddress ?? '', port: client.remotePort ?? 0 };
    const serve = (query: Buffer): Promise<Buffer | undefined> => this.#own(query, asker);
    serveTcp(client, serve, this.#upstream.servers());
  }

  async #serveUdp(query: Buffer, asker: Asker): Promise<Buffer> {
    const own = await this.#own(query, asker);
    if (!own) return this.#forward(query);
    return truncate(own, readQuestion(query)?.udpSize ?? own.length);
  }

  /** The answer to a query about our names; undefined when it is for other servers. */
  async #own(query: Buffer, asker: Asker): Promise<Buffer | undefined> {
    if (this.#underWay >= MOST_QUERIES) return this.#refuse(query);
    this.#underWay += 1;
    try {
      const question = readQuestion(query);
      const reply = question && question.class === CLASS_IN ? await this.#look(query, question, asker) : undefined;
      this.#counts[reply ? 'answered' : 'forwarded'] += 1;
      return reply;
    } finally {
      this.#underWay -= 1;
    }
  }

  async #look(query: Buffer, question: Question, asker: Asker): Promise<Buffer | undefined> {
    const names = this.#names;
    if (!names) return new NameTable([]).look(question.name).kind === 'foreign' ? undefined : failure(query);
    const namespace = names.dependsOnAsker(question.name) ? await this.#options.namespaceOf(asker) : undefined;
    const meaning = names.look(question.name, namespace);
    if (meaning.kind === 'foreign') return undefined;
    await this.#ready(meaning);
    return answer(query, question, meaning, this.#tcp.length > 1);
  }

  async #ready(meaning: Meaning): Promise<void> {
    if (meaning.kind !== 'service' && meaning.kind !== 'ports') return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, READY_MS);
    try {
      await Promise.race([this.#options.onQuery(meaning.service.hostname), late]);
    } catch (error) {
      this.#options.logger.warn('could not prepare a service that was asked for', {
        hostname: meaning.service.hostname,
        reason: messageOf(error),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async #forward(query: Buffer): Promise<Buffer> {
    const key = query.toString('latin1', 12);
    const alike = this.#alike.get(key) ?? 0;
    if (this.#forwarded >= MOST_FORWARDED || alike >= MOST_ALIKE) return this.#refuse(query);
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
    this.#counts.overloaded += 1;
    return failure(query);
  }

  readonly #failed = (error: unknown): void => {
    this.#options.logger.warn('could not answer a DNS query', { reason: messageOf(error) });
  };
}
