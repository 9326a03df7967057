import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { inNamespace, type Tools } from './nft.ts';

/**
 * One nft that stays inside a namespace and takes a line at a time: a command costs microseconds where a process of its own
 * costs milliseconds. Which command failed it does not say; it is for commands that are repeated anyway. One that died starts
 * anew with the next command.
 */
export class NftSession implements AsyncDisposable {
  readonly #tools: Tools;
  readonly #namespace: string;
  /** Whether a command failed since this was last set to false. */
  complained = false;
  #child: ChildProcessByStdio<Writable, null, Readable> | undefined;

  constructor(tools: Tools, namespace: string) {
    this.#tools = tools;
    this.#namespace = namespace;
  }

  /** Runs a line of commands as one transaction, unless the one before it has not been taken yet. */
  send(line: string): void {
    const child = this.#child ?? this.#start();
    if (child.stdin.writableLength === 0) child.stdin.write(`${line}\n`);
  }

  /** Ends it and waits: while it runs, the kernel keeps the namespace. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const ended = once(child, 'close');
    child.stdin.destroy();
    child.kill('SIGKILL');
    await ended;
  }

  #start(): ChildProcessByStdio<Writable, null, Readable> {
    const [program = '', ...args] = inNamespace(this.#tools, this.#namespace, [this.#tools.nft, '-i']);
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'], env: { LC_ALL: 'C' } });
    const forget = (): void => {
      if (this.#child === child) this.#child = undefined;
    };
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', () => {
      this.complained = true;
    });
    child.once('error', forget).once('close', forget);
    child.unref();
    this.#child = child;
    return child;
  }
}
