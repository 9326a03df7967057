import type { FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../manager/model/util/errors.ts';
import { Fields } from '../../manager/model/util/fields.ts';
import { Wake } from '../../manager/model/util/wake.ts';
import { watchFolder } from '../../manager/model/util/watch-folder.ts';
import type { LocalWorkload, Platform, PlatformKind, PlatformProblem, PlatformState } from '../platform.ts';
import { WorkloadFiles } from './files.ts';
import { Resolver } from './resolve.ts';
import { linuxSystem, type System } from './system.ts';

/** Programs of a plain Linux host, a YAML file each. Settings: `directory`, `workloads.d` of the host's when absent. */
export const linuxKind: PlatformKind = {
  kind: 'linux',
  summary: 'programs of this host, told apart by user or network namespace, each named in a YAML file',
  create(settings, path, host) {
    const fields = new Fields(settings, path);
    const directory = fields.string('directory') ?? join(host.configDir, 'workloads.d');
    fields.unknown();
    fields.check('platform "linux"');
    return new LinuxPlatform(directory, host.name);
  },
};

/** An editor's writes come close together, milliseconds; files are read after so much quiet, */
const QUIET_MS = 5;
/** and under steady writing after so long. */
const CEILING_MS = 50;
/** A file that went away may be in the middle of being replaced, milliseconds. */
const REPLACING_MS = 100;
/** Namespaces, what a workload waits for, and a folder without a watch change without a word, milliseconds; */
const LOOK_SOON_MS = 250;
/** and network file systems tell no changes. A look at unchanged files reads nothing. */
const LOOK_AGAIN_MS = 10_000;

/** Workloads from the `*.yaml` files of a folder, followed as they change. */
export class LinuxPlatform implements Platform {
  readonly kind = 'linux';
  readonly #folder: string;
  readonly #files: WorkloadFiles;
  readonly #resolver: Resolver;

  constructor(folder: string, host: string, system: System = linuxSystem()) {
    this.#folder = folder;
    this.#files = new WorkloadFiles(folder, host);
    this.#resolver = new Resolver(system);
  }

  async *watch(signal: AbortSignal, before: readonly LocalWorkload[] = []): AsyncGenerator<PlatformState> {
    this.#resolver.remember(before);
    const changed = new Wake(signal);
    using watcher = new FolderWatcher(this.#folder, () => changed.call());
    let sent = '';
    while (!signal.aborted) {
      watcher.open();
      const { files, problem, partly } = await this.#files.look();
      const state = stateOf(await this.#resolver.resolve(files), problem, partly);
      const text = JSON.stringify(state);
      if (text !== sent && !signal.aborted) yield state;
      sent = text;
      const waits = !watcher.isOpen || state.problems.length > 0;
      const soon = waits || state.workloads.some(({ selector }) => selector.kind === 'namespace');
      const replacing = files.some(file => file.missing);
      await changed.wait(replacing ? REPLACING_MS : soon ? LOOK_SOON_MS : LOOK_AGAIN_MS);
      await changed.settle(QUIET_MS, CEILING_MS);
    }
    throw signal.reason;
  }
}

function stateOf(found: PlatformState, problem: PlatformProblem | undefined, partly: boolean): PlatformState {
  return {
    ...found,
    problems: problem ? [problem, ...found.problems] : found.problems,
    ...(partly ? { partly } : {}),
  };
}

/** Watches a folder that may not be there yet, or go and come back. */
class FolderWatcher implements Disposable {
  readonly #folder: string;
  readonly #changed: () => void;
  #watcher: FSWatcher | undefined;

  constructor(folder: string, changed: () => void) {
    this.#folder = folder;
    this.#changed = changed;
  }

  get isOpen(): boolean {
    return this.#watcher !== undefined;
  }

  /** Starts to watch, unless it does already. */
  open(): void {
    if (this.#watcher) return;
    try {
      this.#watcher = watchFolder(this.#folder, (event, name) => {
        // The folder itself was renamed or removed: this watcher says nothing more.
        if (event === 'rename' && name !== null && this.#folder.endsWith(`/${name}`)) this[Symbol.dispose]();
        this.#changed();
      });
      this.#watcher?.on('error', () => this[Symbol.dispose]());
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#watcher?.removeAllListeners();
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
