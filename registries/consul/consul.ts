import { Outbox } from '../outbox.ts';
import type { Registry, RegistryEvent, RegistryKind } from '../registry.ts';
import { ConsulClient } from './client.ts';
import { pulse } from './pulse.ts';
import { Services } from './services.ts';
import { type ConsulSettings, readSettings } from './settings.ts';

/** The services of a Consul datacenter. Settings: see `ConsulSettings`. */
export const consulKind: RegistryKind = {
  kind: 'consul',
  summary: 'services of a Consul datacenter, with their health',
  create: (settings, path) => new ConsulRegistry(readSettings(settings, path)),
};

/** One Consul datacenter, through one of its agents or servers. */
export class ConsulRegistry implements Registry {
  readonly kind = 'consul';
  readonly isForgetful = true;
  readonly #settings: ConsulSettings;
  /** Outlives a session: what a list lacks from which something was left out may be hidden, not gone. */
  readonly #known = new Set<string>();

  constructor(settings: ConsulSettings) {
    this.#settings = settings;
  }

  async *watch(signal: AbortSignal): AsyncGenerator<RegistryEvent> {
    const client = await ConsulClient.open(this.#settings);
    const session = new AbortController();
    const stop = AbortSignal.any([signal, session.signal]);
    try {
      const outbox = new Outbox(stop);
      const { connections } = this.#settings;
      const services = new Services(client, outbox, { reading: this.#settings, connections, known: this.#known }, stop);
      for (const part of [services.run(), pulse(client, stop)])
        part.catch((error: unknown) => {
          if (!stop.aborted) outbox.fail(error);
        });
      yield* outbox.read();
    } finally {
      session.abort();
      client.close();
    }
  }
}
