import { messageOf } from '../manager/model/util/errors.ts';
import type { Logger } from '../manager/model/util/log.ts';
import { type Capability, capabilitiesOf, transparency } from './capabilities.ts';
import { bootstrap, connectionsWith } from './envoy/bootstrap.ts';
import { openFiles } from './envoy/open-files.ts';
import type { EnvoyPaths } from './envoy/paths.ts';
import { EnvoyProcess } from './envoy/process.ts';
import { isAlive } from './envoy/process-ref.ts';
import { type ProcessState, readState } from './envoy/process-state.ts';
import type { EnvoyProcessStatus } from './envoy/process-status.ts';
import type { AgentOptions } from './options.ts';

/** How long an Envoy that was just started may take to begin, milliseconds. */
const READY_MS = 10_000;

/** Rights that could not be given are tried again after so long: each try starts an Envoy. Milliseconds. */
const AGAIN_MS = 30_000;

/** The host's one Envoy, with the rights that its workloads need of it. */
export class HostProxy {
  readonly #options: AgentOptions;
  readonly #logger: Logger;
  readonly #paths: EnvoyPaths;
  readonly #onAgain: () => void;
  #process: EnvoyProcess | undefined;
  /** Ends what is done for the process that was started last. */
  #release: () => Promise<void> = () => Promise.resolve();
  /** Whether the Envoy that runs was last seen to have the right to enter namespaces. */
  #able = false;
  #fresh = false;
  #confined: string | undefined;
  /** Until then the right is not tried again. */
  #again: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param onAgain called when {@link ensure} should be called again: it may have a right to give, or to do without. */
  constructor(options: AgentOptions, paths: EnvoyPaths, logger: Logger, onAgain: () => void) {
    this.#options = options;
    this.#logger = logger;
    this.#paths = paths;
    this.#onAgain = onAgain;
  }

  /**
   * Adopts or starts Envoy, one call after the other. When it turns out to need more rights than it has, a new one takes over from it;
   * if none can, the one that runs goes on, or one without these rights is started, and {@link confined} tells why.
   * @param enterNamespaces whether a workload has a network namespace of its own. Once given, the right stays until Envoy is stopped.
   * @throws when it cannot be started.
   */
  ensure(enterNamespaces: boolean, signal: AbortSignal): Promise<void> {
    const turn = this.#last.then(() => this.#ensure(enterNamespaces, signal));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #ensure(enterNamespaces: boolean, signal: AbortSignal): Promise<void> {
    const enough = this.#able || !enterNamespaces || this.#again !== undefined;
    if (this.#process && enough) return;
    try {
      // Envoy lets nobody take over while it still begins.
      await this.#process?.ready(AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]));
      await this.#begin(enterNamespaces, signal);
    } catch (error) {
      if (!this.#process || signal.aborted) throw error;
      this.#confined = confinedBy(messageOf(error));
    } finally {
      if (enterNamespaces && !this.#able) this.#tryAgainLater();
    }
  }

  async #begin(enterNamespaces: boolean, signal: AbortSignal): Promise<void> {
    const enter = enterNamespaces || (await this.#hasTheRight());
    const refusal = enter ? await this.#startAble(signal) : undefined;
    // Should the one that goes on die, one without the right is to follow it.
    if (!enter || refusal !== undefined) await this.#start(false, signal);
    this.#able = enter && refusal === undefined;
    this.#confined = enterNamespaces && refusal !== undefined ? confinedBy(refusal) : undefined;
  }

  /** Has an Envoy run that may enter namespaces. @returns why none does. @throws when one runs, and cannot be dealt with now. */
  async #startAble(signal: AbortSignal): Promise<string | undefined> {
    try {
      const envoy = await this.#start(true, signal);
      return (await this.#hasTheRight())
        ? undefined
        : (envoy.status().outdated ?? envoy.status().lastDeath ?? 'it left no word');
    } catch (error) {
      if (signal.aborted || (await this.#running())) throw error;
      return messageOf(error);
    }
  }

  async #start(enter: boolean, signal: AbortSignal): Promise<EnvoyProcess> {
    const binary = await this.#options.envoy.binary;
    await this.#release();
    // Should it fail, the next call begins anew.
    this.#process = undefined;
    this.#able = false;
    const watching = new AbortController();
    const envoy = this.#make(binary, enter, await transparency());
    this.#release = () => {
      watching.abort();
      return envoy.released();
    };
    const how = await envoy.start(AbortSignal.any([signal, watching.signal]));
    this.#fresh = how !== 'adopted';
    this.#process = envoy;
    return envoy;
  }

  /** Envoy died, and none with its right could be started: the next call may do without. */
  #beginAnew(): void {
    this.#process = undefined;
    this.#onAgain();
  }

  #tryAgainLater(): void {
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      this.#onAgain();
    }, AGAIN_MS).unref();
  }

  /** Why Envoy may not enter network namespaces though a workload has one; undefined when it may, or need not. */
  get confined(): string | undefined {
    return this.#confined;
  }

  /** Whether the Envoy that runs was started in this life of the agent, without any config. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** Whether an Envoy with config of an earlier life runs, or may run: until one was adopted or started nobody knows. */
  get mayBeOld(): boolean {
    return this.#process === undefined || (!this.#fresh && this.#process.status().restarts === 0);
  }

  /** A connection of Envoy's ended: it may be dead. */
  suspect(): void {
    this.#process?.suspect();
  }

  status(): EnvoyProcessStatus | undefined {
    return this.#process?.status();
  }

  /** Whether the Envoy that runs may enter namespaces. One that has more rights than it needs now is not worth an interruption. */
  async #hasTheRight(): Promise<boolean> {
    const running = await this.#running();
    if (!running) return false;
    return (await capabilitiesOf(running.pid)).has('sys_admin');
  }

  async #running(): Promise<ProcessState | undefined> {
    const state = await readState(this.#paths.state);
    return state && (await isAlive(state)) ? state : undefined;
  }

  #make(binary: string, enterNamespaces: boolean, transparent: Capability | undefined): EnvoyProcess {
    const { envoy, host } = this.#options;
    const paths = this.#paths;
    return new EnvoyProcess({
      binary,
      paths,
      uid: envoy.uid,
      gid: envoy.gid,
      capabilities: [...(transparent ? [transparent] : []), ...(enterNamespaces ? (['sys_admin'] as const) : [])],
      ...(envoy.concurrency === undefined ? {} : { concurrency: envoy.concurrency }),
      drainSeconds: envoy.drainSeconds,
      bootstrap: bootstrap({ host: host.name, paths, maxConnections: connectionsWith(openFiles()) }),
      log: this.#logger.child({ part: 'envoy' }),
      ...(enterNamespaces ? { onUnable: () => this.#beginAnew() } : {}),
    });
  }
}

function confinedBy(reason: string): string {
  return `no Envoy that may enter network namespaces (CAP_SYS_ADMIN) could be started: ${reason}; tried again every ${AGAIN_MS / 1000} s`;
}
