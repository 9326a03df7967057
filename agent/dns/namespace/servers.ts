import { Backoff } from '../../../manager/model/util/backoff.ts';
import { type Clock, systemClock } from '../../../manager/model/util/clock.ts';
import { messageOf } from '../../../manager/model/util/errors.ts';
import type { Logger } from '../../../manager/model/util/log.ts';
import { Wake } from '../../../manager/model/util/wake.ts';
import { findTools } from '../../redirect/nft.ts';
import { ALIVE_MS } from '../../redirect/spec.ts';
import { namespaceAt } from '../../redirect/table.ts';
import type { Answerer } from '../answerer.ts';
import { NamespaceServer } from './server.ts';

/** A workload with a network namespace of its own. */
export interface Inside {
  /** Path and id of the network namespace, see `Selector`. */
  readonly path: string;
  readonly id: string;
  /** Its namespace in the mesh. */
  readonly namespace: string;
}

export interface NamespaceServersOptions {
  readonly answerer: Answerer;
  readonly wanted: () => readonly Inside[];
  /** The server that is asked in a namespace by way of a port. */
  readonly serverOf: (path: string, family: 4 | 6, port: number) => Promise<string | undefined>;
  /** Someone else has removed the rules of a namespace. */
  readonly onRulesGone: (path: string) => void;
  /** Of IPv4, of no service. */
  readonly virtualAddress: () => string | undefined;
  readonly proxyUid: number;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** A namespace that is new is found, and the rules hear that the agent lives, so often, milliseconds: well within `ALIVE_MS`. */
const BEAT_MS = ALIVE_MS / 8;
const BEATS_PER_LOOK = 4;

/** What is known of one namespace. */
interface Known {
  readonly inside: Inside;
  readonly stop: AbortController;
  server?: NamespaceServer;
}

/** The name servers inside all network namespaces of workloads. */
export class NamespaceServers {
  readonly #options: NamespaceServersOptions;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  #changed: Wake | undefined;

  constructor(options: NamespaceServersOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** What is wanted changed. Called or not, namespaces are looked at all the time once there is one. */
  wake(): void {
    this.#changed?.call();
  }

  /** Answers until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const changed = new Wake(signal);
    this.#changed = changed;
    for (let beat = 0; !signal.aborted; beat += 1) {
      this.#keep();
      const servers = [...this.#known.values()].filter(known => known.server);
      for (const { server } of servers) server?.beat();
      if (beat % BEATS_PER_LOOK === 0) for (const known of servers) void this.#look(known);
      if (this.#known.size === 0 && this.#options.wanted().length === 0) await changed.wait();
      else await this.#clock.sleep(BEAT_MS, signal).catch(() => undefined);
    }
    for (const key of this.#known.keys()) this.#close(key);
  }

  #keep(): void {
    const wanted = new Map(this.#options.wanted().map(inside => [`${inside.id} ${inside.namespace}`, inside]));
    for (const [key, { inside }] of this.#known) {
      // The sockets would keep a namespace that is gone.
      if (!wanted.has(key) || namespaceAt(inside.path) !== inside.id) this.#close(key);
    }
    for (const [key, inside] of wanted) {
      if (!this.#known.has(key) && namespaceAt(inside.path) === inside.id) void this.#open(key, inside);
    }
  }

  #close(key: string): void {
    const known = this.#known.get(key);
    this.#known.delete(key);
    known?.stop.abort();
    known?.server?.[Symbol.dispose]();
  }

  async #open(key: string, inside: Inside): Promise<void> {
    const { logger } = this.#options;
    const known: Known = { inside, stop: new AbortController() };
    const { signal } = known.stop;
    this.#known.set(key, known);
    const backoff = new Backoff({ initialMs: 200, maximumMs: 10_000 });
    let said: string | undefined;
    while (!signal.aborted) {
      try {
        const server = await NamespaceServer.open(this.#optionsOf(inside), signal);
        if (signal.aborted || namespaceAt(inside.path) !== inside.id) server[Symbol.dispose]();
        else known.server = server;
        return;
      } catch (error) {
        if (signal.aborted) return;
        const waitMs = Math.round(backoff.next());
        const reason = messageOf(error);
        const facts = { namespace: inside.path, reason, retryInMs: waitMs };
        const level = reason === said ? 'debug' : 'warn';
        logger[level]('cannot answer DNS inside a network namespace: names of the mesh are unknown there', facts);
        said = reason;
        await this.#clock.sleep(waitMs, signal).catch(() => undefined);
      }
    }
  }

  #optionsOf({ path, namespace }: Inside): Parameters<typeof NamespaceServer.open>[0] {
    const { answerer, serverOf, proxyUid, logger } = this.#options;
    return {
      path,
      namespace,
      answerer,
      serverOf: (family, port) => serverOf(path, family, port),
      proxyUid,
      tools: findTools(),
      logger,
    };
  }

  async #look({ inside, server }: Known): Promise<void> {
    const address = this.#options.virtualAddress();
    if (address !== undefined && server && !(await server.captured(address))) this.#options.onRulesGone(inside.path);
  }
}
