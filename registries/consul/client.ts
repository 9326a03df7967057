import { EventEmitter } from 'node:events';
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import Consul from 'consul';
import { messageOf } from '../../manager/model/util/errors.ts';
import { readPlain } from '../../manager/model/util/files.ts';
import { http } from '../../manager/model/util/http.ts';
import type { ConsulSettings } from './settings.ts';

/** An answer, with the index that the next blocking query gives to wait for a change. */
export interface Answer {
  readonly body: unknown;
  readonly index: number;
  /** Some results were left out for want of rights. */
  readonly filtered: boolean;
}

/** Which reads there are; each takes the index to wait from. */
export type Read = 'services' | 'checks' | 'leader' | { readonly service: string };

/** What the library takes and its types do not say. */
interface Options {
  readonly ctx: EventEmitter;
  readonly timeout: number;
  readonly index?: number;
  readonly wait?: string;
}
type Reader = (options: Options & Record<string, unknown>) => Promise<[IncomingMessage, unknown]>;

/** How long an answer may take beyond what the query waits, milliseconds. */
const ANSWER_MS = 10_000;

const NOT_CONSUL = 'the answer is not one of Consul: it is no JSON, or has no X-Consul-Index; look at "address"';

/** Reads of one Consul over a bounded number of connections, by the `consul` package. */
export class ConsulClient {
  readonly #consul: InstanceType<typeof Consul>;
  readonly #agent: Agent;
  readonly #where: string;
  readonly #waitMs: number;
  readonly #common: Readonly<Record<string, string>>;

  private constructor(settings: ConsulSettings, agent: Agent, token: string | undefined) {
    const { url } = settings;
    this.#where = url.host;
    this.#waitMs = settings.waitMs;
    this.#agent = agent;
    const headers: Record<string, string> = { 'user-agent': 'isthmus' };
    if (token !== undefined) headers['x-consul-token'] = token;
    if (settings.consulNamespace !== undefined) headers['x-consul-namespace'] = settings.consulNamespace;
    const options = { baseUrl: `${url.protocol}//${url.host}/v1`, agent, headers };
    this.#consul = new Consul(options as ConstructorParameters<typeof Consul>[0]);
    this.#common = {
      ...(settings.datacenter !== undefined && { dc: settings.datacenter }),
      ...(settings.partition !== undefined && { partition: settings.partition }),
    };
  }

  /** Reads the files that the settings name. Connects when something is read. @throws when one cannot be read. */
  static async open(settings: ConsulSettings): Promise<ConsulClient> {
    const { tls, connections, tokenFile } = settings;
    const token = tokenFile === undefined ? settings.token : String(await readPlain(tokenFile)).trim();
    const sockets = {
      keepAlive: true,
      maxSockets: connections,
      maxTotalSockets: connections,
      scheduling: 'fifo',
    } as const;
    if (settings.url.protocol === 'http:')
      return new ConsulClient(settings, noticingBreaks(new http.Agent(sockets)), token);
    const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map(readIfNamed));
    const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    const name = tls.serverName === undefined ? {} : { servername: tls.serverName };
    return new ConsulClient(settings, noticingBreaks(new TlsAgent({ ...sockets, ...files, ...name })), token);
  }

  /**
   * Reads once.
   * @param index of the answer before: waits for a change after it, or for the time of a blocking query. Absent: answers at once.
   * @throws when Consul cannot be reached, answers in time with nothing, or with an error; the signal's reason when it aborts.
   */
  async read(what: Read, signal: AbortSignal, index?: number): Promise<Answer> {
    signal.throwIfAborted();
    const ctx = Object.assign(new EventEmitter(), { includeResponse: true });
    const cancel = (): void => void ctx.emit('cancel');
    signal.addEventListener('abort', cancel, { once: true });
    // The server answers up to a sixteenth later than it was asked to.
    const waitMs = index === undefined ? 0 : this.#waitMs;
    // A leader that was just elected may not know all it has stored, and would answer with less; `consistent` makes it wait.
    const wait = index === undefined ? { consistent: true } : { index, wait: `${waitMs}ms` };
    try {
      const [response, body] = await this.#reader(what)({
        ...this.#common,
        ...wait,
        ctx,
        timeout: (waitMs * 17) / 16 + ANSWER_MS,
      });
      const next = Number(response.headers['x-consul-index'] ?? Number.NaN);
      // Whoever else answers at its address would seem to list no service.
      if (Buffer.isBuffer(body) || (what !== 'leader' && Number.isNaN(next))) throw new Error(NOT_CONSUL);
      const filtered = response.headers['x-consul-results-filtered-by-acls'] === 'true';
      return { body, index: Number.isSafeInteger(next) && next > 0 ? next : 1, filtered };
    } catch (error) {
      signal.throwIfAborted();
      throw new Error(`Cannot read ${nameOf(what)} of Consul at ${this.#where}: ${explain(error)}`, {
        // The package's error holds the answer, and so the request with its token; what it says stands in the message.
        cause: undefined,
      });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy();
  }

  #reader(what: Read): Reader {
    const { catalog, health, status } = this.#consul as unknown as {
      readonly catalog: { readonly service: { list: Reader } };
      readonly health: { service: Reader; state: Reader };
      readonly status: { leader: Reader };
    };
    if (what === 'services') return options => catalog.service.list(options);
    if (what === 'checks') return options => health.state({ ...options, state: 'any' });
    if (what === 'leader') return options => status.leader(options);
    return options => health.service({ ...options, service: what.service });
  }
}

async function readIfNamed(file: string | undefined): Promise<Buffer | undefined> {
  return file === undefined ? undefined : readPlain(file);
}

function nameOf(what: Read): string {
  if (typeof what !== 'string') return `service "${what.service}"`;
  return { services: 'the list of services', checks: 'the health checks', leader: 'the leader' }[what];
}

function explain(error: unknown): string {
  const { statusCode, response } = error as { statusCode?: number; response?: { body?: unknown } };
  const said =
    Buffer.isBuffer(response?.body) || typeof response?.body === 'string'
      ? `: ${String(response.body).trim().slice(0, 200)}`
      : '';
  return `${messageOf(error)}${said}${statusCode === 403 ? '; look at "token" and its policy' : ''}`;
}

/**
 * The package waits for the end of an answer's body, which never comes when the connection breaks before: it would notice at its
 * timeout. Here the break reaches the request as an error.
 */
function noticingBreaks<T extends Agent>(agent: T): T {
  const inner = agent as T & { addRequest(request: ClientRequest, ...rest: unknown[]): void };
  const add = inner.addRequest.bind(inner);
  inner.addRequest = (request, ...rest) => {
    request.once('response', (response: IncomingMessage) => {
      response.once('error', error => request.emit('error', error));
    });
    add(request, ...rest);
  };
  return agent;
}
