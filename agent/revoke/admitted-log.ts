import { rename, rm, stat } from 'node:fs/promises';
import { messageOf } from '../../manager/model/util/errors.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { type Admitted, admittedLine, readAdmitted } from '../compile/admitted.ts';

/** Names a connection by its ends. */
export function endsOf({ local, remote }: { readonly local: string; readonly remote: string }): string {
  return `${local} ${remote}`;
}

export interface AdmittedLogOptions {
  /** The file that Envoy appends to. */
  readonly path: string;
  /** Has Envoy open the file anew. */
  readonly reopen: () => Promise<void>;
  /** Size at which what is over is taken out, bytes. */
  readonly maximum?: number;
  readonly logger: Logger;
}

/**
 * Who was let in to the workloads, as Envoy notes it. It is a file, so that an agent that starts knows who came while none ran. Three
 * files follow one another: what was kept of earlier ones, one that is being turned over, the one that Envoy writes.
 */
export class AdmittedLog {
  readonly #options: AdmittedLogOptions;
  readonly #maximum: number;
  readonly #kept: string;
  readonly #turning: string;

  constructor(options: AdmittedLogOptions) {
    this.#options = options;
    this.#maximum = options.maximum ?? 4 * 1024 * 1024;
    this.#kept = `${options.path}.kept`;
    this.#turning = `${options.path}.turning`;
  }

  /** In the order in which they came. Many are over, and others may have their ends by now. */
  async read(): Promise<readonly Admitted[]> {
    return await readFiles(this.#kept, this.#turning, this.#options.path);
  }

  /**
   * Keeps the files small: takes out what is over, in two steps, as Envoy goes on with the file that it has until it opens it anew.
   * @param open ends of the connections that stand, asked for after the file was read.
   */
  async bound(open: () => Promise<ReadonlySet<string>>): Promise<void> {
    const { path, reopen, logger } = this.#options;
    try {
      const size = await sizeOf(path);
      if ((await sizeOf(this.#turning)) === undefined) {
        if ((size ?? 0) < this.#maximum) return;
        await rename(path, this.#turning);
        await reopen();
      } else if (size === undefined) await reopen();
      else {
        const all = await readFiles(this.#kept, this.#turning);
        const stand = await open();
        // The last line of those with the same ends must stay the last.
        const lines = all.filter(each => stand.has(endsOf(each))).map(admittedLine);
        await writeAtomic(this.#kept, [...new Set(lines.reverse())].reverse().join(''));
        await rm(this.#turning);
      }
    } catch (error) {
      logger.warn('cannot shorten the list of connections', { path, reason: messageOf(error) });
    }
  }
}

async function readFiles(...paths: readonly string[]): Promise<readonly Admitted[]> {
  const texts = await Promise.all(paths.map(readIfThere));
  return texts.flatMap(bytes => readAdmitted(bytes?.toString('utf8') ?? ''));
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
