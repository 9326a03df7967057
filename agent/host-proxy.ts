import { join } from 'node:path';
import type { Logger } from '../manager/model/util/log.ts';
import { bootstrap } from './envoy/bootstrap.ts';
import { envoyPaths } from './envoy/paths.ts';
import { EnvoyProcess, type EnvoyProcessStatus } from './envoy/process.ts';
import type { AgentOptions } from './options.ts';

/** The host's one Envoy, with the rights that its workloads need of it. */
export class HostProxy {
  readonly #options: AgentOptions;
  readonly #logger: Logger;
  #process: EnvoyProcess | undefined;
  #watching: AbortController | undefined;
  #enterNamespaces = false;

  constructor(options: AgentOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /**
   * Adopts or starts Envoy. When it turns out to need more rights than it has, a new one takes over from it.
   * @param enterNamespaces whether a workload has a network namespace of its own. Once given, the right stays until Envoy is stopped.
   * @throws when it cannot be started.
   */
  async ensure(enterNamespaces: boolean, signal: AbortSignal): Promise<void> {
    if (this.#process && (this.#enterNamespaces || !enterNamespaces)) return;
    this.#watching?.abort();
    this.#enterNamespaces ||= enterNamespaces;
    this.#watching = new AbortController();
    this.#process = this.#make();
    await this.#process.start(AbortSignal.any([signal, this.#watching.signal]));
  }

  status(): EnvoyProcessStatus | undefined {
    return this.#process?.status();
  }

  #make(): EnvoyProcess {
    const { envoy, host, runDir, stateDir } = this.#options;
    const paths = envoyPaths(runDir, join(stateDir, 'agent', 'log'));
    return new EnvoyProcess({
      binary: envoy.binary,
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
