import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProgramOptions {
  /** File that takes its stdout and stderr. */
  readonly log: string;
  readonly cwd?: string;
}

/** A daemon that was started: ended by {@link Program.stop}. */
export class Program implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #ended: Promise<void>;

  constructor(name: string, command: readonly string[], options: ProgramOptions) {
    const [program, ...args] = command;
    const log = openSync(options.log, 'a');
    this.name = name;
    this.#log = options.log;
    this.#child = spawn(program!, args, { stdio: ['ignore', log, log], cwd: options.cwd ?? '/' });
    closeSync(log);
    this.#ended = new Promise(resolve => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
  }

  /** @throws when the program could not be started. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} could not be started`);
    return this.#child.pid;
  }

  /**
   * Waits until a condition holds that nothing announces, such as a listener.
   * @throws with the end of its log, when the program ends first or the time is up.
   */
  async until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined)
        throw new Error(`${this.name} ended before ${what}:\n${this.tail()}`);
      if (await condition()) return;
      if (performance.now() > deadline)
        throw new Error(`${this.name}: no ${what} within ${timeoutMs} ms:\n${this.tail()}`);
      await delay(20);
    }
  }

  /** The end of its log. */
  tail(): string {
    return readFileSync(this.#log, 'utf8').slice(-4000);
  }

  /** Ends it: SIGTERM, then SIGKILL after 3 s. */
  async stop(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    const patience = setTimeout(() => this.#child.kill('SIGKILL'), 3000);
    await this.#ended;
    clearTimeout(patience);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Resolves with the next exit. */
  async exited(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}
