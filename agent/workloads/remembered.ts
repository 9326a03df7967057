import { join } from 'node:path';
import { messageOf } from '../../manager/model/util/errors.ts';
import { isRecord } from '../../manager/model/util/fields.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { Rerun } from '../../manager/model/util/rerun.ts';
import type { LocalWorkload } from '../../platforms/platform.ts';
import { keeping } from '../state/keeping.ts';

/** The workloads that each platform named last, for a life in which it cannot be asked. */
export class RememberedWorkloads {
  readonly #path: string;
  readonly #known = new Map<string, readonly LocalWorkload[]>();
  readonly #kept: Rerun;

  private constructor(path: string, logger: Logger) {
    this.#path = path;
    const save = (): Promise<void> => writeAtomic(path, JSON.stringify(Object.fromEntries(this.#known)));
    this.#kept = keeping('the workloads of this host', save, logger);
  }

  /** Reads what an earlier life knew. A file that is damaged is told of, and left out. @param folder the agent's own. */
  static async load(folder: string, logger: Logger): Promise<RememberedWorkloads> {
    const remembered = new RememberedWorkloads(join(folder, 'workloads.json'), logger);
    try {
      await remembered.#load();
    } catch (error) {
      const facts = { file: remembered.#path, reason: messageOf(error) };
      logger.warn('it is not remembered which workloads this host had', facts);
    }
    return remembered;
  }

  async #load(): Promise<void> {
    const found: unknown = JSON.parse(String((await readIfThere(this.#path)) ?? '{}'));
    if (!isRecord(found)) throw new Error('not a map of platforms');
    for (const [platform, workloads] of Object.entries(found))
      if (Array.isArray(workloads)) this.#known.set(platform, workloads as readonly LocalWorkload[]);
  }

  of(platform: string): readonly LocalWorkload[] {
    return this.#known.get(platform) ?? [];
  }

  /** Keeps them for the next life, if they are others than before. */
  remember(platform: string, workloads: readonly LocalWorkload[]): void {
    const same = JSON.stringify(workloads) === JSON.stringify(this.of(platform));
    this.#known.set(platform, workloads);
    if (!same) void this.#kept.call();
  }
}
