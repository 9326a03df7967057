import type { Clock } from '../manager/model/util/clock.ts';
import type { Registry, RegistryEvent } from './registry.ts';
import type { RegistryState } from './state.ts';

export interface SessionOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** A session that has not synced is given up when it sends nothing for so long, milliseconds: at most twice that after it fell silent. */
  readonly syncTimeoutMs: number;
  /** Called at each `synced`. */
  readonly onSynced: () => void;
}

/** How long an adapter may take to end after its signal aborted, milliseconds; then it is left to itself. The contract says 100. */
const GRACE_MS = 1000;

/**
 * One session of a registry, from its list to its end, put into the state as it comes.
 * @throws always, unless the signal aborted: why the session ended.
 */
export async function runSession(registry: Registry, state: RegistryState, options: SessionOptions): Promise<void> {
  const { signal, clock } = options;
  const session = new AbortController();
  const stop = AbortSignal.any([signal, session.signal]);
  const watchdog = new Watchdog(session, options);
  const finished = new AbortController();
  state.begin();
  const pumped = pump(registry.watch(stop), stop, event => {
    apply(event, state);
    if (event.type === 'synced') {
      watchdog.stop();
      options.onSynced();
    } else watchdog.touch();
  });
  try {
    await Promise.race([pumped, graceAfter(stop, clock, finished.signal)]);
    if (!signal.aborted) throw new Error('the session ended without saying why');
  } catch (error) {
    if (!signal.aborted) throw watchdog.error ?? error;
  } finally {
    watchdog.stop();
    finished.abort();
    session.abort();
  }
}

async function pump(
  events: AsyncIterable<RegistryEvent>,
  signal: AbortSignal,
  handle: (event: RegistryEvent) => void,
): Promise<void> {
  for await (const event of events) {
    if (signal.aborted) return;
    handle(event);
  }
}

function apply(event: RegistryEvent, state: RegistryState): void {
  switch (event.type) {
    case 'service':
      state.put(event.service);
      break;
    case 'unreadable':
      state.keep(event, event.problem);
      break;
    case 'synced':
      state.reconcile(event.partly);
      break;
    case 'problems':
      state.setProblems(event.problems);
      break;
  }
}

/** Rejects when the signal has been aborted for the time of grace; never settles once `finished`. */
function graceAfter(signal: AbortSignal, clock: Clock, finished: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const begin = (): void => {
      clock.sleep(GRACE_MS, finished).then(
        () => reject(new Error(`the session did not end within ${GRACE_MS} ms of being told to`)),
        () => undefined,
      );
    };
    if (signal.aborted) begin();
    else signal.addEventListener('abort', begin, { once: true, signal: finished });
  });
}

/** Ends a session that says nothing before it has synced: a server that accepts and never answers must not hold us forever. */
class Watchdog {
  error: Error | undefined;
  readonly #session: AbortController;
  readonly #options: SessionOptions;
  readonly #stopped = new AbortController();
  #heard = false;

  constructor(session: AbortController, options: SessionOptions) {
    this.#session = session;
    this.#options = options;
    this.#watch().catch(() => undefined);
  }

  touch(): void {
    this.#heard = true;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #watch(): Promise<void> {
    const { clock, syncTimeoutMs, signal } = this.#options;
    const until = AbortSignal.any([signal, this.#stopped.signal]);
    // The time of day is not asked: it may be set.
    do {
      this.#heard = false;
      await clock.sleep(syncTimeoutMs, until);
    } while (this.#heard);
    this.error = new Error(`no answer for ${syncTimeoutMs} ms before the first list was complete`);
    this.#session.abort(this.error);
  }
}
