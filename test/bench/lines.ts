import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Running } from '../hosts/process.ts';

/** A program that is spoken to in lines: what it says is read one by one, in order. Start it with `keepStdin`. */
export class Lines {
  readonly #running: Running;
  readonly #said: string[] = [];
  readonly #lines;

  constructor(running: Running) {
    this.#running = running;
    this.#lines = createInterface(running.child.stdout!);
    this.#lines.on('line', line => this.#said.push(line));
  }

  say(line: string): void {
    this.#running.child.stdin!.write(`${line}\n`);
  }

  /** The next line. @throws after the deadline, or when the program ends, with what it said. */
  async next(timeoutMs: number): Promise<string> {
    const over = new AbortController();
    void this.#running.exited.then(({ stderr }) =>
      over.abort(new Error(`a program of the benchmark ended: ${stderr}`)),
    );
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(timeoutMs)]);
    while (this.#said.length === 0) await once(this.#lines, 'line', { signal });
    return this.#said.shift()!;
  }
}
