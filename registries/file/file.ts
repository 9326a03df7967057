import { stat } from 'node:fs/promises';
import { Fields } from '../../manager/model/util/fields.ts';
import { Wake } from '../../manager/model/util/wake.ts';
import { watchFolder } from '../../manager/model/util/watch-folder.ts';
import type { Registry, RegistryEvent, RegistryKind, RegistryService } from '../registry.ts';
import { Files, type Listing } from './files.ts';

/**
 * Services written in YAML: one file, or a directory of `*.yaml` (or `*.json`). Changes are seen at once.
 * Settings: `path`.
 */
export const fileKind: RegistryKind = {
  kind: 'file',
  summary: 'services written in YAML files, which are watched',
  create(settings, path) {
    const fields = new Fields(settings, path);
    const at = fields.required('path', 'try "/etc/isthmus/services.d"');
    fields.unknown();
    fields.check(`registry "file"`);
    return new FileRegistry(at!);
  },
};

/** The parts of a file that is being written come close together, milliseconds; the file is read after so much quiet. */
const QUIET_MS = 3;
/** Under steady writing it is read after so long, milliseconds. */
const CEILING_MS = 20;
/** A file that went away may be in the middle of being replaced, milliseconds. */
const REPLACING_MS = 100;
/** Without a watch, which the system may have none left of: look again after so long, milliseconds. */
const LOOK_SOON_MS = 1000;
/** Network file systems tell no changes: look again after so long, milliseconds. A look at unchanged files reads nothing. */
const LOOK_AGAIN_MS = 10_000;

/** The services of one file, or of a directory of files. */
export class FileRegistry implements Registry {
  readonly kind = 'file';
  readonly #path: string;
  /** Outlives a session, so that a file that is broken when a session begins still has what it said before. */
  #files: Files | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async *watch(signal: AbortSignal): AsyncGenerator<RegistryEvent> {
    const changed = new Wake(signal);
    const { files, inode } = await this.#open();
    const watcher = watchFolder(files.directory, () => changed.call());
    watcher?.on('error', error => changed.fail(error));
    const sent = new Sent();
    try {
      // What went away between two sessions was not just being replaced.
      if ((await files.look(signal)).missing) await changed.wait(REPLACING_MS);
      for (let partly: boolean | undefined; !signal.aborted; ) {
        const listing = await files.look(signal);
        if ((await stat(files.directory)).ino !== inode) throw new Error(`${files.directory}: was replaced by another`);
        yield* sent.difference(listing);
        if (partly !== listing.partly) yield { type: 'synced', partly: listing.partly };
        partly = listing.partly;
        await changed.wait(listing.missing ? REPLACING_MS : watcher ? LOOK_AGAIN_MS : LOOK_SOON_MS);
        await changed.settle(QUIET_MS, CEILING_MS);
      }
    } finally {
      watcher?.removeAllListeners();
      watcher?.close();
    }
  }

  async #open(): Promise<{ files: Files; inode: number }> {
    if (!this.#files) {
      const found = await stat(this.#path);
      this.#files = new Files(this.#path, !found.isDirectory());
    }
    return { files: this.#files, inode: (await stat(this.#files.directory)).ino };
  }
}

/** What a session has said so far, so that it says only what is new. */
class Sent {
  #services: Listing['services'] = new Map();
  #unreadable: Listing['unreadable'] = new Map();
  #problems = '[]';

  *difference({ services, unreadable, problems }: Listing): Generator<RegistryEvent> {
    for (const [key, service] of services) if (this.#services.get(key) !== service) yield { type: 'service', service };
    for (const [key, service] of unreadable)
      if (this.#unreadable.get(key) !== service) yield { type: 'unreadable', ...service };
    for (const [key, service] of [...this.#services, ...this.#unreadable])
      if (!services.has(key) && !unreadable.has(key)) yield { type: 'service', service: gone(service) };
    this.#services = services;
    this.#unreadable = unreadable;
    const text = JSON.stringify(problems);
    if (text !== this.#problems) yield { type: 'problems', problems };
    this.#problems = text;
  }
}

function gone({ name, namespace }: Pick<RegistryService, 'name' | 'namespace'>): RegistryService {
  const nothing = { aliases: [], labels: {}, instances: [], problems: [] };
  return { name, ...(namespace !== undefined && { namespace }), ...nothing };
}
