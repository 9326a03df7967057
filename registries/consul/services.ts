import { isRecord, show } from '../../manager/model/util/fields.ts';
import { lacksMost } from '../doubt.ts';
import type { Outbox } from '../outbox.ts';
import type { Problem } from '../registry.ts';
import type { Answer, ConsulClient } from './client.ts';
import { followReads } from './follow-reads.ts';
import { type Reading, readService } from './service.ts';
import { SWEEP_CONNECTIONS, Sweep } from './sweep.ts';

/** Consul's own servers are listed as a service; nobody calls them through a mesh. */
const OWN_SERVICE = 'consul';
/** For the list of names, and for signs of life. */
const OTHER_CONNECTIONS = 2;

/** Without it Consul answers with an empty list, not with a refusal. */
const RIGHT = 'give it service_prefix "" { policy = "read" } and node_prefix "" { policy = "read" }';
const NO_RIGHT = `the token may read none of its instances; ${RIGHT}`;

export interface ServicesOptions {
  readonly reading: Reading;
  readonly connections: number;
  /** Names that were listed in sessions before; kept up to date. */
  readonly known: Set<string>;
}

/**
 * Follows all services of a Consul. The list of names is one blocking query; each service has one of its own, as long as
 * connections suffice, since a blocking query holds a connection, and Consul refuses more than 200 of them from one address. The
 * services beyond that are swept: see `Sweep`.
 */
export class Services {
  readonly #client: ConsulClient;
  readonly #outbox: Outbox;
  readonly #reading: Reading;
  readonly #signal: AbortSignal;
  readonly #sweep: Sweep;
  /** How many services have a blocking query of their own. */
  readonly #limit: number;
  readonly #own = new Map<string, AbortController>();
  readonly #known: Set<string>;
  /** Those that a list lacked from which something was left out for want of rights. */
  readonly #doubted = new Set<string>();
  #isAsking = false;

  constructor(
    client: ConsulClient,
    outbox: Outbox,
    { reading, connections, known }: ServicesOptions,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#outbox = outbox;
    this.#reading = reading;
    this.#known = known;
    this.#signal = signal;
    this.#limit = Math.max(1, connections - SWEEP_CONNECTIONS - OTHER_CONNECTIONS);
    this.#sweep = new Sweep(client, outbox, (name, answer) => this.#say(name, answer), signal);
  }

  /** Until the signal aborts. @throws when Consul cannot be read. */
  async run(): Promise<void> {
    let synced = false;
    await followReads(this.#client, 'services', this.#signal, answer => {
      const { names, unspeakable } = namesOf(answer);
      if (synced && !answer.filtered) this.#checkPlausible(names);
      this.#outbox.put(' problems', { type: 'problems', problems: unspeakable.map(unspeakableProblem) });
      const fresh = this.#reconcile(names);
      this.#doubt(names, answer.filtered);
      this.#sweep.stir();
      const asked = this.#askForDoubted();
      if (synced) return;
      synced = true;
      const listed = Promise.all([...fresh, asked]);
      void listed.then(() => this.#outbox.put(' synced', { type: 'synced' }));
    });
  }

  /** A snapshot that was restored takes services away as their owners do. @throws when most are gone at once: a new session may doubt it. */
  #checkPlausible(names: ReadonlySet<string>): void {
    const lacked = [...this.#known].filter(name => !names.has(name)).length;
    if (!lacksMost(lacked, this.#known.size)) return;
    throw new Error(`Consul lists ${lacked} of ${this.#known.size} services no more, all at once; it is asked anew`);
  }

  /** @returns for each new service, when its state was said. */
  #reconcile(names: ReadonlySet<string>): Promise<void>[] {
    for (const [name, controller] of this.#own)
      if (!names.has(name)) {
        controller.abort();
        this.#own.delete(name);
      }
    for (const name of this.#sweep.names()) if (!names.has(name)) this.#sweep.remove(name);
    const promoted = this.#sweep.names().slice(0, Math.max(0, this.#limit - this.#own.size));
    for (const name of promoted) {
      this.#sweep.remove(name);
      void this.#start(name);
    }
    const fresh = [...names].filter(name => !this.#own.has(name) && !this.#sweep.has(name));
    return fresh.map(name => (this.#own.size < this.#limit ? this.#start(name) : this.#sweep.add(name)));
  }

  /** What the list lacks is gone, unless it may be there and hidden. */
  #doubt(names: ReadonlySet<string>, filtered: boolean): void {
    for (const name of names) {
      this.#known.add(name);
      this.#doubted.delete(name);
    }
    for (const name of this.#known) {
      if (names.has(name)) continue;
      if (filtered) this.#doubted.add(name);
      else this.#gone(name);
    }
  }

  /** A list tells that something is hidden, and not what; asked for one service, Consul says whether it is. */
  async #askForDoubted(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      for (const name of this.#doubted) {
        const answer = await this.#client.read({ service: name }, this.#signal);
        // It may have been listed meanwhile.
        if (!this.#doubted.has(name)) continue;
        this.#say(name, answer);
        if (answer.filtered) continue;
        this.#doubted.delete(name);
        if (Array.isArray(answer.body) && answer.body.length === 0) this.#known.delete(name);
      }
    } catch (error) {
      if (!this.#signal.aborted) this.#outbox.fail(error);
    } finally {
      this.#isAsking = false;
    }
  }

  #start(name: string): Promise<void> {
    const controller = new AbortController();
    this.#own.set(name, controller);
    const signal = AbortSignal.any([this.#signal, controller.signal]);
    return new Promise(resolve => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      followReads(this.#client, { service: name }, signal, answer => {
        this.#say(name, answer);
        resolve();
      }).catch((error: unknown) => this.#outbox.fail(error));
    });
  }

  #say(name: string, { body, filtered }: Answer): void {
    const isListed = this.#own.has(name) || this.#sweep.has(name);
    // A service without instances is not listed either, and the list tells of all that went at once.
    if (isListed && !filtered && Array.isArray(body) && body.length === 0) return;
    const service = readService(name, body, this.#reading);
    const problem = { where: `service "${name}"`, why: NO_RIGHT };
    // All that is left out may be there.
    const isHidden = filtered && service.instances.length === 0;
    this.#outbox.put(name, isHidden ? { type: 'unreadable', name, problem } : { type: 'service', service });
  }

  #gone(name: string): void {
    this.#known.delete(name);
    this.#doubted.delete(name);
    this.#outbox.put(name, { type: 'service', service: readService(name, [], this.#reading) });
  }
}

/**
 * Names that Consul takes and refuses to be asked for: they lead elsewhere as a part of a path, or hold what Go's unicode.IsPrint does not
 * know, which its HTTP API answers with 400.
 */
const UNSPEAKABLE = /^\.{1,2}$|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

function unspeakableProblem(name: string): Problem {
  return {
    where: `service ${JSON.stringify(name)}`,
    why: 'Consul cannot be asked for a service of this name; register it under another',
  };
}

function namesOf({ body, filtered }: Answer): {
  readonly names: ReadonlySet<string>;
  readonly unspeakable: readonly string[];
} {
  if (!isRecord(body) || !Object.values(body).every(Array.isArray))
    throw new Error(`the list of services must be a map of names to tags, not ${show(body).slice(0, 200)}`);
  const all = Object.keys(body);
  const names = new Set(all.filter(name => !UNSPEAKABLE.test(name)));
  if (all.length === 0 && filtered) throw new Error(`the token may read no service; ${RIGHT}`);
  names.delete(OWN_SERVICE);
  return { names, unspeakable: all.filter(name => UNSPEAKABLE.test(name)) };
}
