import zookeeper, { type Client, type Exception, type Watcher } from 'node-zookeeper-client';

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  /** What is asked for; the server decides, within 2 to 20 of its ticks. Milliseconds. */
  readonly sessionTimeoutMs: number;
  /** How long connecting may take, milliseconds. */
  readonly connectTimeoutMs: number;
  /** `user:password` of the scheme `digest`. */
  readonly digest?: string;
}

/** The server's answer to a request was no. `code` is one of the library's, such as -102 for a right that is missing. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  readonly code: number;

  constructor(what: string, cause: Exception) {
    super(what, { cause });
    this.code = cause.getCode();
  }
}

type Callback<T> = (error: Exception | null | undefined, value: T) => void;

const { NO_NODE, NO_AUTH, NODE_EXISTS, NOT_EMPTY } = zookeeper.Exception;
const ANSWERS: ReadonlySet<number> = new Set([NO_NODE, NO_AUTH, NODE_EXISTS, NOT_EMPTY]);

/** Replies are in the order of requests, so the reply to a heartbeat proves every request before it answered. */
const HEARTBEATS_PER_SESSION = 3;
/** How long the goodbye to a server may take, milliseconds. */
const GOODBYE_MS = 50;
/** Requests under way at once; a list of 10,000 members must not stand in memory twice. */
const IN_FLIGHT = 256;

/**
 * One connection to one ZooKeeper server, by node-zookeeper-client. It is never used again once the connection ended, which is
 * what keeps four faults of that library (1.1.3) from reaching us: requests that never call back after an expiry; a server that is
 * connected and silent, during or after the handshake; bytes of a broken-off frame that spoil the next connection; and watches
 * that are not told of an expiry. A new connection lists everything anew; the session's watches end with it on the server.
 */
export class ZooKeeperClient {
  /** Aborted with the reason when the connection is lost, or found to be silent. */
  readonly lost: AbortSignal;
  readonly #client: Client;
  readonly #where: string;
  readonly #lost = new AbortController();
  readonly #pending = new Set<(error: unknown) => void>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #connected = false;
  #heartbeat: NodeJS.Timeout | undefined;

  private constructor(options: ClientOptions) {
    this.lost = this.#lost.signal;
    this.#where = `${options.host}:${options.port}`;
    this.#client = zookeeper.createClient('server', { sessionTimeout: options.sessionTimeoutMs, retries: 0 });
    if (options.digest !== undefined) this.#client.addAuthInfo('digest', Buffer.from(options.digest));
    // Its own reading of addresses knows no IPv6.
    this.#client.connectionManager.servers = [{ host: options.host, port: options.port }];
    for (const event of ['expired', 'disconnected'])
      this.#client.on(event, () =>
        this.#lose(new Error(`the session with ZooKeeper at ${this.#where} ended: ${event}`)),
      );
    this.#client.on('authenticationFailed', () =>
      this.#lose(new Error(`ZooKeeper at ${this.#where} refused the credentials; look at "digest"`)),
    );
  }

  /** Connects. @throws when there is no session in time, or the signal aborts. */
  static async connect(options: ClientOptions, signal: AbortSignal): Promise<ZooKeeperClient> {
    const client = new ZooKeeperClient(options);
    try {
      await client.#connect(options.connectTimeoutMs, signal);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Names of the children; undefined when there is no such znode. The watcher is called once, at the next change of the list, or not at all. */
  children(path: string, watcher?: Watcher): Promise<string[] | undefined> {
    return this.#read<string[]>(`list ${path}`, done => this.#client.getChildren(path, watcher, done));
  }

  /** A znode's data; undefined when there is no such znode. The watcher is called once, at its next change or removal. */
  data(path: string, watcher?: Watcher): Promise<Buffer | undefined> {
    return this.#read<Buffer>(`read ${path}`, done =>
      this.#client.getData(path, watcher, (error, data) => done(error, data ?? Buffer.alloc(0))),
    );
  }

  /** Whether there is such a znode. The watcher is called once, when it comes, changes or goes. */
  async exists(path: string, watcher?: Watcher): Promise<boolean> {
    const found = await this.#read<unknown>(`look for ${path}`, done => this.#client.exists(path, watcher, done));
    return found !== undefined && found !== null;
  }

  /** Creates a persistent znode. @throws {ZooKeeperError} */
  async create(path: string, data: Buffer): Promise<void> {
    await this.#call<string>(`create ${path}`, done => this.#client.create(path, data, done));
  }

  /** @throws {ZooKeeperError} */
  async set(path: string, data: Buffer): Promise<void> {
    await this.#call<undefined>(`write ${path}`, done =>
      this.#client.setData(path, data, error => done(error, undefined)),
    );
  }

  /** @throws {ZooKeeperError} */
  async remove(path: string): Promise<void> {
    await this.#call<undefined>(`remove ${path}`, done => this.#client.remove(path, error => done(error, undefined)));
  }

  /** Ends the connection at once; requests under way reject. */
  close(): void {
    this.#lose(new Error('the ZooKeeper client was closed'));
  }

  async #connect(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const silent = (): void => reject(new Error(`ZooKeeper at ${this.#where} gave no session within ${timeoutMs} ms`));
    const timer = setTimeout(silent, timeoutMs);
    const abort = (): void => reject(signal.reason);
    const lost = (): void => reject(this.lost.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.lost.addEventListener('abort', lost, { once: true });
    this.#client.once('connected', resolve);
    try {
      signal.throwIfAborted();
      this.#client.connect();
      const { connectionManager } = this.#client;
      // Set here for good: the library would connect again by itself.
      connectionManager.connect = () =>
        this.#lose(new Error(`ZooKeeper at ${this.#where} ended the connection, or has none`));
      await promise;
      this.#connected = true;
      this.#beat(this.#client.getSessionTimeout() / HEARTBEATS_PER_SESSION);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      this.lost.removeEventListener('abort', lost);
    }
  }

  /** Asks something now and then. The library's own pings are not looked at by anyone. */
  #beat(everyMs: number): void {
    let answered = true;
    this.#heartbeat = setInterval(() => {
      if (!answered) {
        this.#lose(
          new Error(`ZooKeeper at ${this.#where} is connected and has not answered for ${Math.round(everyMs)} ms`),
        );
        return;
      }
      answered = false;
      this.#client.exists('/', () => {
        answered = true;
      });
    }, everyMs);
  }

  async #read<T>(what: string, send: (done: Callback<T>) => void): Promise<T | undefined> {
    try {
      return await this.#call(what, send);
    } catch (error) {
      if (error instanceof ZooKeeperError && error.code === NO_NODE) return undefined;
      throw error;
    }
  }

  async #call<T>(what: string, send: (done: Callback<T>) => void): Promise<T> {
    if (this.#running >= IN_FLIGHT) await new Promise<void>(resolve => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await new Promise<T>((resolve, reject) => {
        if (this.lost.aborted) return reject(this.lost.reason);
        this.#pending.add(reject);
        send((error, value) => {
          this.#pending.delete(reject);
          if (!error) return resolve(value);
          const refused = new ZooKeeperError(`Cannot ${what} in ZooKeeper at ${this.#where}`, error);
          // What is no answer to this request is the end of the connection, and must not pass for one.
          if (!ANSWERS.has(refused.code)) this.#lose(refused);
          reject(this.lost.aborted ? this.lost.reason : refused);
        });
      });
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  #lose(reason: Error): void {
    if (this.lost.aborted) return;
    clearInterval(this.#heartbeat);
    this.#lost.abort(reason);
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
    const { connectionManager } = this.#client;
    connectionManager.connect = () => undefined;
    // Told of the end, the server drops session and watches at once rather than at the session's timeout.
    if (this.#connected) this.#client.close();
    connectionManager.socket?.destroySoon();
    // The library makes its socket a tick after it is told to connect; and a silent server may take no more bytes.
    const destroy = (): void => {
      if (connectionManager.connectTimeoutHandler) clearTimeout(connectionManager.connectTimeoutHandler);
      connectionManager.socket?.destroy();
    };
    if (this.#connected) setTimeout(destroy, GOODBYE_MS);
    else process.nextTick(destroy);
  }
}
