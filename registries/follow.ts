import { Backoff, type BackoffOptions } from '../manager/model/util/backoff.ts';
import { type Clock, systemClock } from '../manager/model/util/clock.ts';
import { messageOf } from '../manager/model/util/errors.ts';
import { type Logger, silentLogger } from '../manager/model/util/log.ts';
import { Changes } from './changes.ts';
import type { Later } from './doubt.ts';
import type { FollowedService, Mapping } from './mapping.ts';
import { PLAIN_MAPPING } from './mapping.ts';
import type { Registry } from './registry.ts';
import { runSession } from './session.ts';
import { RegistryState, type StateStatus } from './state.ts';
import { Told } from './told.ts';

export interface FollowOptions {
  /** Ends the following; nothing of it is left within 100 ms. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Waits between sessions; from 100 ms to 15 s when absent. */
  readonly backoff?: BackoffOptions;
  /** What was known in an earlier life, by key: it stays until the registry was seen whole, as what was known in this one. */
  readonly remembered?: ReadonlyMap<string, FollowedService>;
  /** A session that has not synced is given up when it sends nothing for so long, milliseconds. 30 s when absent. */
  readonly syncTimeoutMs?: number;
}

/** How the following of a registry goes. */
export interface FollowStatus extends StateStatus {
  readonly name: string;
  readonly kind: string;
}

/** A registry that is being followed: its last known content, kept through every error. */
export interface Followed {
  /** The `name:` of its settings, unique among the registries. */
  readonly name: string;
  readonly kind: string;
  /** Every service by a key that is stable and unique within this registry. Several may bear the same name in the mesh. */
  state(): ReadonlyMap<string, FollowedService>;
  status(): FollowStatus;
  /**
   * Keys whose service changed or went, merged while the reader is busy; the first batch names everything there is. An empty
   * batch says that only the status changed. Any number of readers. Ends when the following ends or the signal aborts.
   */
  batches(signal?: AbortSignal): AsyncIterable<ReadonlySet<string>>;
  /** Resolves when the following has ended; never rejects. */
  readonly ended: Promise<void>;
}

/** Follows a registry until the signal aborts: retries with jitter, reconciles, and keeps the last known state through errors. */
export function follow(
  configured: { readonly name: string; readonly registry: Registry; readonly mapping?: Mapping },
  options: FollowOptions,
): Followed {
  const { name, registry } = configured;
  const { signal, clock = systemClock, remembered } = options;
  const logger = (options.logger ?? silentLogger).child({ registry: name });
  const changes = new Changes();
  const later: Later = work => {
    clock.sleep(DOUBT_MS, signal).then(work, () => undefined);
    return clock.now() + DOUBT_MS;
  };
  const { mapping = PLAIN_MAPPING } = configured;
  const state = new RegistryState({ mapping, remembered, ...(registry.isForgetful && { later }) }, changes, logger);
  const ended = run(registry, state, { syncTimeoutMs: 30_000, ...options, clock, logger });
  return {
    name,
    kind: registry.kind,
    state: () => state.services,
    status: () => ({ name, kind: registry.kind, ...state.status() }),
    batches: signal =>
      changes.read(state.services.keys(), signal ? AbortSignal.any([signal, options.signal]) : options.signal),
    ended,
  };
}

type Running = FollowOptions & { readonly clock: Clock; readonly logger: Logger; readonly syncTimeoutMs: number };

const LOST = 'registry lost; its last known services stay';
const NEVER = 'registry was not reached yet; what is remembered of it stays';

/** What a list lacks that is doubted stays so long, milliseconds: agents of Consul register anew within one to four minutes. */
const DOUBT_MS = 300_000;
/** A session was a good one when it held for so long after its list, milliseconds, and for as long as that took. */
const STEADY_MS = 1_000;

async function run(registry: Registry, state: RegistryState, options: Running): Promise<void> {
  const { signal, clock, logger } = options;
  const backoff = new Backoff(options.backoff);
  const told = new Told();
  while (!signal.aborted) {
    try {
      await runSteady(registry, state, { ...options, onSynced: () => told.back() }, () => backoff.reset());
    } catch (error) {
      const [waitMs, why] = [backoff.next(), messageOf(error)];
      const message = state.status().synced ? LOST : NEVER;
      const isNews = told.isNews(`${message}: ${why}`, clock.now());
      state.failed(why, clock.now(), isNews);
      logger[isNews ? 'warn' : 'debug'](message, { why, retryMs: Math.round(waitMs) });
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }
}

/**
 * One session, as `runSession`. @param onSteady called when it has held for a while: one that breaks right after its list, again and
 * again, must not have the registry list without pause.
 */
async function runSteady(
  registry: Registry,
  state: RegistryState,
  options: Running & { readonly onSynced: () => void },
  onSteady: () => void,
): Promise<void> {
  const [over, began] = [new AbortController(), performance.now()];
  let isListed = false;
  const onSynced = (): void => {
    options.onSynced();
    if (isListed) return;
    isListed = true;
    const steadyMs = Math.max(STEADY_MS, performance.now() - began);
    options.clock.sleep(steadyMs, over.signal).then(onSteady, () => undefined);
  };
  try {
    await runSession(registry, state, { ...options, onSynced });
  } finally {
    over.abort();
  }
}
