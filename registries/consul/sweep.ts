import { setTimeout as delay } from 'node:timers/promises';
import { isRecord } from '../../manager/model/util/fields.ts';
import { Wake } from '../../manager/model/util/wake.ts';
import type { Outbox } from '../outbox.ts';
import type { Answer, ConsulClient } from './client.ts';
import { followReads } from './follow-reads.ts';

/** Connections that read services, and one that waits for changes of checks. */
const READERS = 4;
export const SWEEP_CONNECTIONS: number = READERS + 1;

/** Between two sweeps of all, milliseconds, and at least four times as long as the last one took. */
const PAUSE_MS = 5000;

/**
 * Follows services that have no blocking query of their own. One blocking query on all health checks tells which services changed,
 * at once: an instance that comes, goes, fails or recovers has a check that does. What has no checks of its own is found by
 * reading all services anew after the catalog changed, unhurriedly.
 */
export class Sweep {
  readonly #client: ConsulClient;
  readonly #outbox: Outbox;
  readonly #said: (name: string, answer: Answer) => void;
  readonly #signal: AbortSignal;
  /** By name, what waits for its first answer. */
  readonly #services = new Map<string, () => void>();
  readonly #urgent = new Set<string>();
  readonly #backlog = new Set<string>();
  readonly #idle: Wake[] = [];
  readonly #stirred: Wake;
  readonly #drained: Wake;
  #checks = new Map<string, Check>();
  #running = false;

  constructor(client: ConsulClient, outbox: Outbox, said: (name: string, answer: Answer) => void, signal: AbortSignal) {
    this.#client = client;
    this.#outbox = outbox;
    this.#said = said;
    this.#signal = signal;
    this.#stirred = new Wake(signal);
    this.#drained = new Wake(signal);
  }

  names(): string[] {
    return [...this.#services.keys()];
  }

  has(name: string): boolean {
    return this.#services.has(name);
  }

  /** Resolves when its state was said. */
  add(name: string): Promise<void> {
    if (!this.#running) this.#start();
    return new Promise(resolve => {
      this.#services.set(name, resolve);
      this.#hurry(name);
    });
  }

  remove(name: string): void {
    this.#services.get(name)?.();
    this.#services.delete(name);
    this.#urgent.delete(name);
    this.#backlog.delete(name);
  }

  /** Something in the catalog changed, and what is not known. */
  stir(): void {
    this.#stirred.call();
  }

  #start(): void {
    this.#running = true;
    const parts = [this.#sweep(), followReads(this.#client, 'checks', this.#signal, answer => this.#compare(answer))];
    for (let reader = 0; reader < READERS; reader += 1) parts.push(this.#read());
    for (const part of parts)
      part.catch((error: unknown) => {
        if (!this.#signal.aborted) this.#outbox.fail(error);
      });
  }

  #hurry(name: string): void {
    this.#urgent.add(name);
    for (const reader of this.#idle) reader.call();
  }

  async #sweep(): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#stirred.wait();
      const began = performance.now();
      for (const name of this.#services.keys()) this.#backlog.add(name);
      for (const reader of this.#idle) reader.call();
      while (this.#backlog.size > 0 && !this.#signal.aborted) await this.#drained.wait();
      await delay(Math.max(PAUSE_MS, 4 * (performance.now() - began)), undefined, { signal: this.#signal });
    }
  }

  async #read(): Promise<void> {
    const wake = new Wake(this.#signal);
    this.#idle.push(wake);
    while (!this.#signal.aborted) {
      const [name] = this.#urgent.size > 0 ? this.#urgent : this.#backlog;
      if (name === undefined) {
        this.#drained.call();
        await wake.wait();
        continue;
      }
      this.#urgent.delete(name);
      this.#backlog.delete(name);
      const answer = await this.#client.read({ service: name }, this.#signal);
      const waiting = this.#services.get(name);
      if (!waiting) continue;
      this.#said(name, answer);
      waiting();
    }
  }

  #compare({ body }: Answer): void {
    const checks = new Map<string, Check>();
    for (const entry of Array.isArray(body) ? (body as unknown[]) : []) {
      if (!isRecord(entry)) continue;
      const { Node: node, CheckID: id, ServiceName: service, ModifyIndex: index } = entry;
      checks.set(JSON.stringify([node, id]), {
        service: typeof service === 'string' ? service : '',
        index: Number(index),
      });
    }
    const before = this.#checks;
    this.#checks = checks;
    for (const [key, check] of checks) if (before.get(key)?.index !== check.index) this.#changed(check);
    for (const [key, check] of before) if (!checks.has(key)) this.#changed(check);
  }

  /** A check of a node concerns every service that has an instance there. */
  #changed({ service }: Check): void {
    if (service === '') for (const name of this.#services.keys()) this.#hurry(name);
    else if (this.#services.has(service)) this.#hurry(service);
  }
}

interface Check {
  /** Empty for a check of a node. */
  readonly service: string;
  /** Grows with each change. */
  readonly index: number;
}
