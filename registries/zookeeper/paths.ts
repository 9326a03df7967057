import { messageOf } from '../../manager/model/util/errors.ts';
import { Wake } from '../../manager/model/util/wake.ts';
import { keyOf } from '../mapping.ts';
import type { Outbox } from '../outbox.ts';
import type { Problem, RegistryService } from '../registry.ts';
import { type ZooKeeperClient, ZooKeeperError } from './client.ts';
import { ASK_AGAIN_MS, ServerSet, type SetSink } from './server-set.ts';

/** One entry of `paths:`. */
export interface PathSettings {
  /** Such as `/discovery/reviews`; a part that is `*` stands for every child. */
  readonly path: string;
  /** The service; the last part of the path when absent. */
  readonly service?: string;
  readonly namespace?: string;
}

/** Something that is followed below one znode. */
interface Branch {
  /** Resolves when all that is there has been said. */
  readonly listed: Promise<unknown>;
  /** Follows no more; its services are gone. */
  stop(): void;
}

/** Follows the ServerSets of a session, as the paths name them. */
export class Paths {
  readonly #client: ZooKeeperClient;
  readonly #outbox: Outbox;
  readonly #signal: AbortSignal;
  /** Which path gives a service, by the service's key. */
  readonly #claims = new Map<string, string>();
  /** By the service's key, the paths that would give it too, and what to do when it is their turn. */
  readonly #waiting = new Map<string, Map<string, () => void>>();
  /** By path. */
  readonly #problems = new Map<string, string>();
  /** Directories that may not be listed: any service may be in them. */
  readonly #closed = new Set<string>();
  #isListed = false;

  constructor(client: ZooKeeperClient, outbox: Outbox, signal: AbortSignal) {
    this.#client = client;
    this.#outbox = outbox;
    this.#signal = signal;
  }

  /** Says when all that is there has been said. What ends the session fails the outbox. */
  async follow(paths: readonly PathSettings[]): Promise<void> {
    await Promise.all(paths.map(settings => this.#branch(settings.path, settings).listed));
    this.#isListed = true;
    this.#saySynced();
  }

  /** Whether a directory may not be listed. */
  #noteClosed(path: string, isClosed: boolean): void {
    if (this.#closed.has(path) === isClosed) return;
    if (isClosed) this.#closed.add(path);
    else this.#closed.delete(path);
    if (this.#isListed) this.#saySynced();
  }

  #saySynced(): void {
    this.#outbox.put(' synced', { type: 'synced', partly: this.#closed.size > 0 });
  }

  #branch(path: string, settings: PathSettings): Branch {
    const steps = path.split('/');
    const star = steps.indexOf('*');
    if (star < 0) return this.#set(path, settings);
    return this.#directory(steps.slice(0, star).join('/'), steps.slice(star + 1), settings);
  }

  #set(path: string, settings: PathSettings): Branch {
    const name = settings.service ?? path.slice(path.lastIndexOf('/') + 1);
    const named = { name, ...(settings.namespace !== undefined && { namespace: settings.namespace }) };
    const key = keyOf(named);
    if (this.#claims.has(key)) return this.#wait(key, path, () => this.#set(path, settings));
    this.#claims.set(key, path);
    const sink: SetSink = {
      service: service => this.#outbox.put(key, { type: 'service', service }),
      unreadable: problem => this.#outbox.put(key, { type: 'unreadable', ...named, problem }),
    };
    const gone: RegistryService = { ...named, aliases: [], labels: {}, instances: [], problems: [] };
    const stop = (): void => {
      if (!this.#release(key)) sink.service(gone);
    };
    return this.#start((signal, listed) => new ServerSet(this.#client, path, named, sink, signal).run(listed), stop);
  }

  /** Until the path that gives the service is gone. */
  #wait(key: string, path: string, follow: () => Branch): Branch {
    const waiting = this.#waiting.get(key) ?? new Map<string, () => void>();
    this.#waiting.set(key, waiting);
    let branch: Branch | undefined;
    waiting.set(path, () => {
      this.#tell(path);
      branch = follow();
    });
    this.#tellTaken(key, path);
    const stop = (): void => {
      if (waiting.delete(path)) this.#tell(path);
      branch?.stop();
    };
    return { listed: Promise.resolve(), stop };
  }

  /** @returns whether another path gives the service from now on. */
  #release(key: string): boolean {
    this.#claims.delete(key);
    const waiting = this.#waiting.get(key);
    const [first] = waiting ?? [];
    if (!waiting || !first) return false;
    const [path, take] = first;
    waiting.delete(path);
    take();
    for (const other of waiting.keys()) this.#tellTaken(key, other);
    return true;
  }

  #tellTaken(key: string, path: string): void {
    const name = key.slice(key.indexOf('/') + 1);
    const claimed = this.#claims.get(key);
    this.#tell(
      path,
      `${claimed} is service "${name}" already; write "service" or "namespace" beside one of the two paths`,
    );
  }

  #directory(path: string, rest: readonly string[], settings: PathSettings): Branch {
    const children = new Map<string, Branch>();
    const stop = (): void => {
      this.#tell(path);
      this.#noteClosed(path, false);
      for (const child of children.values()) child.stop();
    };
    return this.#start(async (signal, listed) => {
      const wake = new Wake(signal);
      while (!signal.aborted) {
        const names = await this.#list(path || '/', () => wake.call());
        if (signal.aborted) return;
        if (names) this.#reconcile(children, names, name => this.#branch([path, name, ...rest].join('/'), settings));
        await Promise.all([...children.values()].map(child => child.listed));
        if (signal.aborted) return;
        this.#noteClosed(path, !names);
        listed();
        await wake.wait(names ? undefined : ASK_AGAIN_MS);
      }
    }, stop);
  }

  #reconcile(children: Map<string, Branch>, names: readonly string[], make: (name: string) => Branch): void {
    const there = new Set(names);
    for (const [name, child] of children)
      if (!there.has(name)) {
        children.delete(name);
        child.stop();
      }
    for (const name of names) if (!children.has(name)) children.set(name, make(name));
  }

  /** Names of the children; undefined when they may not be read. */
  async #list(path: string, watcher: () => void): Promise<string[] | undefined> {
    try {
      const names = await this.#client.children(path, watcher);
      if (!names && (await this.#client.exists(path, watcher))) return await this.#list(path, watcher);
      this.#tell(path, names ? undefined : 'there is no such znode; services appear when it is made');
      return names ?? [];
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      this.#tell(path, messageOf(error));
      return undefined;
    }
  }

  #start(run: (signal: AbortSignal, listed: () => void) => Promise<void>, stopped: () => void): Branch {
    const own = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const signal = AbortSignal.any([this.#signal, own.signal]);
    signal.addEventListener('abort', () => resolve(), { once: true });
    run(signal, resolve).catch((error: unknown) => this.#outbox.fail(error));
    return {
      listed: promise,
      stop() {
        own.abort();
        stopped();
      },
    };
  }

  /** What is wrong with a path; nothing any more when absent. */
  #tell(path: string, why?: string): void {
    if (this.#problems.get(path) === why) return;
    if (why === undefined) this.#problems.delete(path);
    else this.#problems.set(path, why);
    const problems = [...this.#problems].map(([where, text]): Problem => ({ where, why: text }));
    this.#outbox.put(' problems', { type: 'problems', problems });
  }
}
