import { readFile } from 'node:fs/promises';
import type { Logger } from '../manager/model/util/log.ts';
import { bootstrap } from './envoy/bootstrap.ts';
import type { EnvoyPaths } from './envoy/paths.ts';
import { EnvoyProcess, type EnvoyProcessStatus } from './envoy/process.ts';
import { isAlive } from './envoy/process-ref.ts';
import { readState } from './envoy/process-state.ts';
import type { AgentOptions } from './options.ts';

/** How long an Envoy that was just started may take to begin, milliseconds. */
const READY_MS = 10_000;

/** Rights that could not be given are tried again after so long: each try starts an Envoy. Milliseconds. */
const AGAIN_MS = 30_000;

/** Bit 21 of the capability sets; capabilities(7). */
const CAP_SYS_ADMIN = 1n << 21n;

/** The host's one Envoy, with the rights that its workloads need of it. */
export class HostProxy {
  readonly #options: AgentOptions;
  readonly #logger: Logger;
  readonly #paths: EnvoyPaths;
  readonly #onAgain: () => void;
  #process: EnvoyProcess | undefined;
  #watching: AbortController | undefined;
  #enterNamespaces = false;
  #fresh = false;
  #confined: string | undefined;
  /** Until then the right is not tried again. */
  #again: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param onAgain called when a right that could not be given should be tried again, by {@link ensure}. */
  constructor(options: AgentOptions, paths: EnvoyPaths, logger: Logger, onAgain: () => void) {
    this.#options = options;
    this.#logger = logger;
    this.#paths = paths;
    this.#onAgain = onAgain;
  }

  /**
   * Adopts or starts Envoy, one call after the other. When it turns out to need more rights than it has, a new one takes over from it;
   * if none can, the one that runs goes on, and {@link confined} tells why.
   * @param enterNamespaces whether a workload has a network namespace of its own. Once given, the right stays until Envoy is stopped.
   * @throws when it cannot be started.
   */
  ensure(enterNamespaces: boolean, signal: AbortSignal): Promise<void> {
    const turn = this.#last.then(() => this.#ensure(enterNamespaces, signal));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #ensure(enterNamespaces: boolean, signal: AbortSignal): Promise<void> {
    const enough = this.#enterNamespaces || !enterNamespaces || this.#again !== undefined;
    if (this.#process && enough) return;
    // Envoy lets nobody take over while it still begins.
    await this.#process?.ready(AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]));
    this.#watching?.abort();
    this.#enterNamespaces = enterNamespaces || (await this.#hasTheRight());
    this.#watching = new AbortController();
    // Should it fail, the next call begins anew.
    this.#process = undefined;
    const envoy = this.#make(await this.#options.envoy.binary);
    const how = await envoy.start(AbortSignal.any([signal, this.#watching.signal]));
    this.#fresh = how !== 'adopted';
    this.#process = envoy;
    const able = !enterNamespaces || (await this.#hasTheRight());
    this.#confined = able ? undefined : confinedBy(envoy.status().lastDeath);
    if (able) return;
    this.#enterNamespaces = false;
    this.#again = setTimeout(() => {
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

  /** A connection of Envoy's ended: it may be dead. */
  suspect(): void {
    this.#process?.suspect();
  }

  status(): EnvoyProcessStatus | undefined {
    return this.#process?.status();
  }

  /** Whether the Envoy that runs may enter namespaces. One that has more rights than it needs now is not worth an interruption. */
  async #hasTheRight(): Promise<boolean> {
    const running = await readState(this.#paths.state);
    if (!running || !(await isAlive(running))) return false;
    const status = await readFile(`/proc/${running.pid}/status`, 'utf8').catch(() => '');
    const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
    return (BigInt(`0x${effective}`) & CAP_SYS_ADMIN) !== 0n;
  }

  #make(binary: string): EnvoyProcess {
    const { envoy, host } = this.#options;
    const paths = this.#paths;
    return new EnvoyProcess({
      binary,
      paths,
      uid: envoy.uid,
      gid: envoy.gid,
      enterNamespaces: this.#enterNamespaces,
      ...(envoy.concurrency === undefined ? {} : { concurrency: envoy.concurrency }),
      drainSeconds: envoy.drainSeconds,
      bootstrap: bootstrap({ host: host.name, paths }),
      log: this.#logger.child({ part: 'envoy' }),
    });
  }
}

function confinedBy(reason = 'it left no word'): string {
  return `no Envoy that may enter network namespaces could take over: ${reason}; tried again every ${AGAIN_MS / 1000} s`;
}
