import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { inNamespace, type Tools } from './nft.ts';

/**
 * One nft that stays inside a namespace and takes a line at a time: a command costs microseconds where a process of its own
 * costs milliseconds. It says nothing back; it is for commands that are repeated anyway. One that died starts anew with the
 * next command.
 */
export class NftSession implements AsyncDisposable {
  readonly #tools: Tools;
  readonly #namespace: string;
  #child: ChildProcessByStdio<Writable, null, null> | undefined;

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

  #start(): ChildProcessByStdio<Writable, null, null> {
    const [program = '', ...args] = inNamespace(this.#tools, this.#namespace, [this.#tools.nft, '-i']);
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'], env: { LC_ALL: 'C' } });
    const forget = (): void => {
      if (this.#child === child) this.#child = undefined;
    };
    child.stdin.on('error', () => undefined);
    child.once('error', forget).once('close', forget);
    child.unref();
    this.#child = child;
    return child;
  }
}
