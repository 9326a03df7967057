import { join } from 'node:path';
import type { DeltaResource } from '../../manager/model/proto/messages.ts';
import { RESOURCE_TYPES, type ResourceType } from '../../manager/model/proto/wire.ts';
import { type Debounced, debounce } from '../../manager/model/util/debounce.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { Rerun } from '../../manager/model/util/rerun.ts';
import type { PlatformProblem } from '../../platforms/platform.ts';
import type { Holdings } from '../manager/holdings.ts';
import { keeping } from './keeping.ts';

/** How a resource lies on disk; `body` is base64. */
interface Kept {
  readonly name: string;
  readonly version: string;
  readonly body: string;
}

const QUIET_MS = 200;
const CEILING_MS = 2_000;

/**
 * What the Manager gave this host, kept on disk: with it a host starts, and serves, without a Manager. A file for each type, written
 * whole some moments after a change; a write that fails leaves the one before and is tried again.
 */
export class Snapshot {
  readonly #folder: string;
  readonly #holdings: Holdings;
  readonly #logger: Logger;
  readonly #dirty = new Set<ResourceType>();
  readonly #save: Debounced;
  readonly #kept: Rerun;
  readonly #lost = new Map<ResourceType, readonly string[]>();
  /** Why something of it could not be written the last time. */
  #failed: string | undefined;

  /** @param againMs see `keeping`. */
  constructor(stateDir: string, holdings: Holdings, logger: Logger, againMs?: number) {
    this.#folder = join(stateDir, 'agent', 'snapshot');
    this.#holdings = holdings;
    this.#logger = logger;
    this.#kept = keeping('what the Manager sent; what lies on disk is older', () => this.#write(), logger, againMs);
    this.#save = debounce(() => void this.flush(), QUIET_MS, CEILING_MS);
  }

  /** The types of which something lies on disk that cannot be read, with the names; none of a file that is damaged as a whole. */
  get lost(): ReadonlyMap<ResourceType, readonly string[]> {
    return this.#lost;
  }

  /** What keeps it from being written. */
  problems(): readonly PlatformProblem[] {
    if (this.#failed === undefined) return [];
    const why = `${this.#folder} cannot be written, so the next agent would begin with what was before: ${this.#failed}; it is tried again`;
    return [{ where: 'snapshot', why }];
  }

  /** Fills the holdings with what lies on disk. A file that is damaged is left out and said; the Manager sends it again. */
  async load(): Promise<void> {
    for (const type of RESOURCE_TYPES) {
      try {
        const text = await readIfThere(this.#path(type));
        if (text === undefined) continue;
        const resources = (JSON.parse(String(text)) as Kept[]).map(
          ({ name, version, body }): DeltaResource => ({ name, version, body: Buffer.from(body, 'base64') }),
        );
        const { refused } = this.#holdings.apply(type, { resources, removed: [] });
        if (Object.keys(refused).length > 0) this.#lost.set(type, Object.keys(refused));
        for (const [name, reason] of Object.entries(refused))
          this.#logger.warn('a part of the snapshot cannot be read and is left out', { type, name, reason });
      } catch (error) {
        this.#lost.set(type, []);
        this.#logger.warn('a file of the snapshot is damaged and is left out', {
          file: this.#path(type),
          reason: messageOf(error),
        });
      }
    }
  }

  /** Something of this type changed. */
  changed(type: ResourceType): void {
    this.#dirty.add(type);
    this.#save.call();
  }

  /** Writes what is not on disk yet. Never rejects. */
  flush(): Promise<void> {
    this.#save.cancel();
    return this.#kept.call();
  }

  /** @throws when something cannot be written; all else is. */
  async #write(): Promise<void> {
    const failed: unknown[] = [];
    const types = [...this.#dirty];
    this.#dirty.clear();
    for (const type of types) {
      const kept = this.#holdings
        .raw(type)
        .map(({ name, version, body }): Kept => ({ name, version, body: Buffer.from(body).toString('base64') }));
      await writeAtomic(this.#path(type), JSON.stringify(kept)).catch((error: unknown) => {
        this.#dirty.add(type);
        failed.push(error);
      });
    }
    // With nothing to write, nothing is known of the disk.
    if (types.length === 0) return;
    // What follows the comma is the file of that one try.
    this.#failed = failed.length === 0 ? undefined : messageOf(failed[0]).split(',', 1)[0];
    if (failed.length > 0) throw failed[0];
  }

  #path(type: ResourceType): string {
    return join(this.#folder, `${type}.json`);
  }
}
