import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import type { PlatformProblem } from '../platform.ts';
import { DocumentError, readWorkload, type WorkloadDocument } from './document.ts';

/** A file of more bytes is not read. */
const MAXIMUM_BYTES = 1024 * 1024;

/** Writes closer together than this may bear the same times, milliseconds: a file so young is read again at the next look. */
const YOUNG_MS = 50;

/** A file of the folder. */
export interface WorkloadFile {
  readonly path: string;
  /** What it said when it was last usable; undefined when it never was. */
  readonly document: WorkloadDocument | undefined;
  /** Why it cannot be used as it is now. */
  readonly problem: PlatformProblem | undefined;
  /** It was there at the look before: it is gone, or in the middle of being replaced. */
  readonly missing: boolean;
}

/** What a folder says now. */
export interface Look {
  readonly files: readonly WorkloadFile[];
  /** Why the folder itself says nothing. */
  readonly problem?: PlatformProblem;
  /** Some of it cannot be read, and what it said before is not known here. */
  readonly partly: boolean;
}

interface Known extends WorkloadFile {
  /** Changes when the file does; empty when that could not be told. */
  readonly version: string;
}

/** The files of a folder, each with what it said when it was last usable. */
export class WorkloadFiles {
  readonly #folder: string;
  readonly #host: string;
  #known: ReadonlyMap<string, Known> = new Map();
  /** Files that could not be used at the first look: in an earlier life they may have been. */
  #doubtful: ReadonlySet<string> | undefined;

  constructor(folder: string, host: string) {
    this.#folder = folder;
    this.#host = host;
  }

  /**
   * Looks at all `*.yaml` and `*.yml`, and reads those that changed. A folder that is not there is none that is empty: it may be mounted
   * late, or be gone by mistake. @throws when it cannot be listed.
   */
  async look(): Promise<Look> {
    const paths = await this.#list();
    if (paths === undefined) {
      const why =
        'is not there; its workloads stay as they were last seen: make it, and to take workloads out remove their files';
      return { files: [], problem: { where: this.#folder, why }, partly: true };
    }
    const known = new Map<string, Known>();
    const found = await Promise.all(paths.map(path => this.#read(path, this.#known.get(path))));
    for (const [index, next] of found.entries()) if (next) known.set(paths[index]!, next);
    for (const [path, before] of this.#known)
      if (!known.has(path) && !before.missing) known.set(path, { ...before, missing: true });
    this.#known = known;
    const files = [...known.values()];
    const unread = files.filter(({ document, missing }) => document === undefined && !missing).map(({ path }) => path);
    this.#doubtful = new Set(this.#doubtful === undefined ? unread : unread.filter(path => this.#doubtful!.has(path)));
    return { files, partly: this.#doubtful.size > 0 };
  }

  /** Undefined when there is no folder. */
  async #list(): Promise<string[] | undefined> {
    try {
      const names = await readdir(this.#folder);
      return names
        .filter(name => /^[^.].*\.ya?ml$/.test(name))
        .sort()
        .map(name => join(this.#folder, name));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #read(path: string, before: Known | undefined): Promise<Known | undefined> {
    let version = '';
    try {
      const found = await stat(path, { bigint: true });
      // To read a pipe would wait for a writer, and a device may have no end.
      if (!found.isFile()) throw new Error('is no plain file; write the workload into one, or move it away');
      const { ino, size, mtimeMs, ctimeNs } = found;
      if (Date.now() - Number(mtimeMs) > YOUNG_MS) version = `${ino} ${size} ${ctimeNs}`;
      if (version !== '' && before?.version === version) return { ...before, missing: false };
      if (size > MAXIMUM_BYTES) throw new Error(`holds ${size} bytes; at most ${MAXIMUM_BYTES} are read`);
      const document = readWorkload(await readFile(path, 'utf8'), path, this.#host);
      return { path, version, document, problem: undefined, missing: false };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      const { where, why } = error instanceof DocumentError ? error.problem : { where: path, why: messageOf(error) };
      const stays = before?.document ? '; what the file said before stays in force' : '';
      return { path, version, document: before?.document, problem: { where, why: why + stays }, missing: false };
    }
  }
}
