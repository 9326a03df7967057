import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Place } from './place.ts';

/** What the shell does: see `zookeeper-commands.js`. */
export type ShellCommand =
  | { readonly op: 'put'; readonly path: string; readonly data: string }
  | { readonly op: 'remove'; readonly path: string };

const SCRIPT = new URL('zookeeper-commands.ts', import.meta.url).pathname;

/** A client of a ZooKeeper in a process of its own, since it may have to run in the server's network namespace. */
export class ZooKeeperShell {
  readonly #place: Place;
  readonly #address: string;
  #child: ChildProcess | undefined;
  #lines: Interface | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(place: Place, address: string) {
    this.#place = place;
    this.#address = address;
  }

  /** One command after the other. @throws what the server said against it, or after 20 s without an answer. */
  ask(command: ShellCommand): Promise<void> {
    const asked = this.#last.then(() => this.#ask(command));
    this.#last = asked.catch(() => undefined);
    return asked;
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async #ask(command: ShellCommand): Promise<void> {
    this.#child ??= this.#start();
    const answered = once(this.#lines!, 'line', { signal: AbortSignal.timeout(20_000) });
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    const [line] = (await answered) as [string];
    if (line !== 'done') throw new Error(`ZooKeeper: ${command.op} ${command.path}: ${line}`);
  }

  #start(): ChildProcess {
    const argv = [...(this.#place.argvPrefix ?? []), process.execPath, SCRIPT, this.#address];
    const child = spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.on('error', () => undefined);
    this.#lines = createInterface(child.stdout);
    return child;
  }
}
