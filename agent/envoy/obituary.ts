import { readFile } from 'node:fs/promises';
import type { LogFile } from './log-file.ts';

/** Why an Envoy died, as far as can be found out: it is nobody's child, so the kernel tells nobody. */
export class Obituary {
  readonly #log: Pick<LogFile, 'size' | 'reason'>;
  readonly #kills: () => Promise<number | undefined>;
  #begin: { readonly logSize: number; readonly kills: number | undefined } = { logSize: 0, kills: undefined };

  /** @param kills for tests. */
  constructor(log: Pick<LogFile, 'size' | 'reason'>, kills: typeof memoryKills = memoryKills) {
    this.#log = log;
    this.#kills = kills;
  }

  /** An Envoy is about to begin, or was found. */
  async begin(): Promise<void> {
    const [logSize, kills] = await Promise.all([this.#log.size(), this.#kills()]);
    this.#begin = { logSize, kills };
  }

  /** How long the log was when it began, bytes. */
  get logSize(): number {
    return this.#begin.logSize;
  }

  /** Why it died. */
  async reason(): Promise<string> {
    const { logSize, kills: before } = this.#begin;
    const [word = 'it left no word', now] = await Promise.all([this.#log.reason(logSize), this.#kills()]);
    return before !== undefined && now !== undefined && now > before ? `${word}; ${OUT_OF_MEMORY}` : word;
  }
}

const OUT_OF_MEMORY =
  'the kernel ended a program of this machine for want of memory meanwhile, perhaps this one: look at dmesg and at the limits of its cgroup';

/** How many programs the kernel has ended for want of memory, of the machine or of a cgroup; undefined where it does not say. */
async function memoryKills(): Promise<number | undefined> {
  const text = await readFile('/proc/vmstat', 'utf8').catch(() => '');
  const [, count] = /^oom_kill (\d+)$/m.exec(text) ?? [];
  return count === undefined ? undefined : Number(count);
}
