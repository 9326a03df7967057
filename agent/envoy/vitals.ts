import type { Logger } from '../../manager/model/util/log.ts';
import type { EnvoyAdmin } from './admin.ts';
import { sendSignal } from './process-ref.ts';
import type { ProcessState } from './process-state.ts';
import { Pulse, type PulseTimes, signOf } from './pulse.ts';

/** Whether the Envoy that runs answers: it is told of when it does not, and one that hangs is ended. */
export class Vitals {
  readonly #admin: EnvoyAdmin;
  readonly #log: Logger;
  readonly #times: PulseTimes | undefined;
  #process: { readonly state: ProcessState; readonly pulse: Pulse } | undefined;
  /** Whether it was told that the process does not answer. */
  #silent = false;
  #killed: string | undefined;

  constructor(admin: EnvoyAdmin, log: Logger, times?: PulseTimes) {
    this.#admin = admin;
    this.#log = log;
    this.#times = times;
  }

  /** That one counts from now on. For one that counted already, it goes on to count how long it has been silent. */
  follow(state: ProcessState): void {
    const before = this.#process?.pulse;
    this.#process = { state, pulse: before?.pid === state.pid ? before : new Pulse(state.pid, this.#times) };
    this.#killed = undefined;
  }

  /** Why it was ended here, if it was. */
  get killed(): string | undefined {
    return this.#killed;
  }

  /** Whether it ever answered. */
  get heard(): boolean {
    return this.#process?.pulse.heard === true;
  }

  /** See {@link Pulse.silentSince}. */
  get silentSince(): number | undefined {
    return this.#process?.pulse.silentSince;
  }

  /** This process itself was held up: what was not heard meanwhile says nothing. */
  late(): void {
    this.#process?.pulse.late();
  }

  /** Asks for a sign of life when that is due. One that hangs is ended. */
  async ask(signal: AbortSignal): Promise<void> {
    if (!this.#process?.pulse.due) return;
    const { state, pulse } = this.#process;
    const { pid, epoch } = state;
    const hangs = await pulse.beat(() => signOf(this.#admin, epoch, signal));
    if (signal.aborted) return;
    const { silentSince: since } = pulse;
    if (since === undefined && this.#silent) this.#log.info('Envoy answers again', { pid });
    if (since !== undefined && !this.#silent)
      this.#log.error('Envoy does not answer', { pid, since: new Date(since).toISOString() });
    this.#silent = since !== undefined;
    if (!hangs) return;
    this.#killed = `it hung: no answer since ${new Date(since ?? Date.now()).toISOString()}, and no work done; the agent ended it`;
    await sendSignal(state, 'SIGKILL');
  }
}
