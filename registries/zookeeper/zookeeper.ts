import { messageOf } from '../../manager/model/util/errors.ts';
import { readPlain } from '../../manager/model/util/files.ts';
import { Outbox } from '../outbox.ts';
import type { Registry, RegistryEvent, RegistryKind } from '../registry.ts';
import { ZooKeeperClient } from './client.ts';
import { Paths } from './paths.ts';
import { readSettings, type ZooKeeperSettings } from './settings.ts';

/** ServerSets, as Finagle, Aurora and their kin announce services in ZooKeeper. Settings: see `ZooKeeperSettings`. */
export const zookeeperKind: RegistryKind = {
  kind: 'zookeeper',
  summary: 'ServerSets in ZooKeeper (Finagle, Aurora)',
  create: (settings, path) => new ZooKeeperRegistry(readSettings(settings, path)),
};

/** The ServerSets of one ensemble. */
export class ZooKeeperRegistry implements Registry {
  readonly kind = 'zookeeper';
  readonly isForgetful = true;
  readonly #settings: ZooKeeperSettings;
  /** The server that the next session begins with: after a loss, another. */
  #next: number;

  constructor(settings: ZooKeeperSettings) {
    this.#settings = settings;
    this.#next = Math.floor(Math.random() * settings.servers.length);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<RegistryEvent> {
    const client = await this.#connect(signal);
    try {
      const stop = AbortSignal.any([signal, client.lost]);
      const outbox = new Outbox(stop);
      void new Paths(client, outbox, stop).follow(this.#settings.paths);
      yield* outbox.read();
      if (!signal.aborted) throw client.lost.reason;
    } finally {
      client.close();
    }
  }

  /** The first server that answers, in turn. */
  async #connect(signal: AbortSignal): Promise<ZooKeeperClient> {
    const { servers, sessionTimeoutMs, digest, digestFile } = this.#settings;
    const credentials = digestFile === undefined ? digest : String(await readPlain(digestFile)).trim();
    const errors: string[] = [];
    for (let tried = 0; tried < servers.length; tried += 1) {
      signal.throwIfAborted();
      const server = servers[this.#next % servers.length]!;
      this.#next += 1;
      try {
        const options = { ...server, sessionTimeoutMs, connectTimeoutMs: Math.min(sessionTimeoutMs, CONNECT_MS) };
        return await ZooKeeperClient.connect(
          { ...options, ...(credentials !== undefined && { digest: credentials }) },
          signal,
        );
      } catch (error) {
        errors.push(messageOf(error));
      }
    }
    throw new Error(errors.join('; '));
  }
}

/** How long one server may take to give a session, milliseconds. */
const CONNECT_MS = 5000;
