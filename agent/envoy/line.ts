import { constants } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere } from '../../manager/model/util/files.ts';
import { ENVOY_VERSION } from './binary.ts';
import { type EnvoyPaths, sharedMemory } from './paths.ts';
import { gone, type ProcessRef, sendSignal } from './process-ref.ts';

/**
 * The memory that Envoys of one line share: `struct SharedMemory` of source/server/hot_restart_impl.h, on x86-64. Its size and version, 64
 * bits each, are what `envoy --hot-restart-version` prints (`11.104`); two mutexes follow, then the flags, 64 bits, of which the lowest
 * says that an Envoy begins. By version of Envoy: of another one nobody has looked where they are.
 */
const LAYOUTS: Readonly<Record<string, { readonly version: bigint; readonly size: number; readonly flags: number }>> = {
  '1.40.0': { version: 11n, size: 104, flags: 96 },
};
const BEGINS = 1n;

/** Envoys that take over from one another, and what they find each other by. */
export class Line {
  readonly #paths: EnvoyPaths;

  constructor(paths: EnvoyPaths) {
    this.#paths = paths;
  }

  /** The number of the line, as its first Envoy wrote it; undefined when there is none. */
  async baseId(): Promise<number | undefined> {
    const text = (await readIfThere(this.#paths.baseId))?.toString('utf8').trim() ?? '';
    return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  }

  /** Ends a line whose last Envoy is dead: one before that was finishing, and what a killed one leaves behind. */
  async forget(before: ProcessRef | undefined): Promise<void> {
    if (before !== undefined && (await sendSignal(before, 'SIGKILL'))) await gone(before, AbortSignal.timeout(5_000));
    const id = await this.baseId();
    if (id !== undefined) await rm(sharedMemory(id), { force: true });
    const { own, takeOver, baseId } = this.#paths;
    const sockets = (await readdir(own)).map(name => join(own, name)).filter(path => path.startsWith(takeOver));
    for (const path of [...sockets, baseId]) await rm(path, { force: true });
  }

  /**
   * A successor that died before it had taken over has left the note that it begins, for which Envoy refuses every later one: that is taken
   * back. Only once that successor is gone, and with one before it that has long begun. Memory that looks otherwise than expected stays as it is.
   * @throws when it cannot be read or written.
   */
  async admitNext(): Promise<void> {
    const [id, layout] = [await this.baseId(), LAYOUTS[ENVOY_VERSION]];
    if (id === undefined || layout === undefined) return;
    // Anybody may make files in that folder.
    await using file = await open(sharedMemory(id), constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile() || found.size !== layout.size) return;
    const memory = Buffer.alloc(layout.size);
    await file.read(memory, 0, layout.size, 0);
    const numbers = [0, 8, layout.flags].map(at => memory.readBigUInt64LE(at));
    if (numbers[0] !== BigInt(layout.size) || numbers[1] !== layout.version || numbers[2] !== BEGINS) return;
    await file.write(Buffer.alloc(8), 0, 8, layout.flags);
  }
}
