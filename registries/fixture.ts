import type { Clock } from '../manager/model/util/clock.ts';
import type { Logger } from '../manager/model/util/log.ts';
import { type Followed, type FollowOptions, follow } from './follow.ts';
import type { Registry, RegistryEvent, RegistryService } from './registry.ts';

/** Time that stands still until it is moved. */
export class HeldClock implements Clock {
  #now = 1_000_000;
  readonly #sleepers = new Set<{ at: number; readonly wake: () => void }>();

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });
  }

  /** How many wait. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  /** Sets the time of day; whoever sleeps sleeps as long as before. */
  set(byMs: number): void {
    this.#now += byMs;
    for (const sleeper of this.#sleepers) sleeper.at += byMs;
  }

  async advance(ms: number): Promise<void> {
    this.#now += ms;
    for (const sleeper of this.#sleepers)
      if (sleeper.at <= this.#now) {
        this.#sleepers.delete(sleeper);
        sleeper.wake();
      }
    await settle();
  }
}

/** A registry that says what a test tells it to. */
class Script implements Registry {
  readonly kind = 'script';
  readonly isForgetful: boolean;
  sessions = 0;
  ended = 0;
  readonly #said: (RegistryEvent | Error)[] = [];
  #next = 0;
  #wake = Promise.withResolvers<void>();

  constructor(isForgetful: boolean) {
    this.isForgetful = isForgetful;
  }

  say(...events: (RegistryEvent | Error)[]): Promise<void> {
    this.#said.push(...events);
    this.#wake.resolve();
    return settle();
  }

  async *watch(signal: AbortSignal): AsyncGenerator<RegistryEvent> {
    this.sessions += 1;
    const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
    try {
      while (!signal.aborted) {
        const event = this.#said[this.#next];
        if (event) {
          this.#next += 1;
          if (event instanceof Error) throw event;
          yield event;
        } else {
          this.#wake = Promise.withResolvers();
          await Promise.race([this.#wake.promise, aborted]);
        }
      }
    } finally {
      this.ended += 1;
    }
  }
}

/** The end of a list. */
export const SYNCED: RegistryEvent = { type: 'synced' };

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
}

/** A service with these instances. */
export function service(
  name: string,
  addresses: readonly string[],
  more: Partial<RegistryService> = {},
): RegistryEvent {
  const instances = addresses.map(address => ({
    id: address,
    address,
    ports: [{ number: 80 }],
    weight: 1,
    labels: {},
    health: 'healthy' as const,
  }));
  return { type: 'service', service: { name, aliases: [], labels: {}, instances, problems: [], ...more } };
}

/** A registry that is followed. */
export interface Setting {
  readonly script: Script;
  readonly clock: HeldClock;
  readonly followed: Followed;
  readonly warnings: string[];
  /** What was logged as information. */
  readonly news: string[];
  readonly stop: () => void;
  readonly addresses: () => Record<string, string[]>;
}

/** Follows a script. */
export function begin(
  mapping?: Parameters<typeof follow>[0]['mapping'],
  { isForgetful = false, remembered }: Pick<FollowOptions, 'remembered'> & Pick<Registry, 'isForgetful'> = {},
): Setting {
  const [script, clock, controller] = [new Script(isForgetful), new HeldClock(), new AbortController()];
  const warnings: string[] = [];
  const news: string[] = [];
  const logger: Logger = {
    error: message => void warnings.push(message),
    warn: (message, { where, why } = {}) => void warnings.push(`${message}: ${(where ?? why ?? '') as string}`),
    info: message => void news.push(message),
    debug() {},
    child: () => logger,
  };
  const backoff = { initialMs: 100, maximumMs: 1000, random: () => 0 };
  const configured = { name: 'one', registry: script, ...(mapping && { mapping }) };
  const options = { signal: controller.signal, clock, logger, backoff, syncTimeoutMs: 5000 };
  const followed = follow(configured, { ...options, ...(remembered && { remembered }) });
  const addresses = (): Record<string, string[]> =>
    Object.fromEntries([...followed.state()].map(([key, { instances }]) => [key, instances.map(one => one.address)]));
  return { script, clock, followed, warnings, news, stop: () => controller.abort(), addresses };
}
