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

interface Known extends WorkloadFile {
  /** Changes when the file does; empty when that could not be told. */
  readonly version: string;
}

/** The files of a folder, each with what it said when it was last usable. */
export class WorkloadFiles {
  readonly #folder: string;
  readonly #host: string;
  #known: ReadonlyMap<string, Known> = new Map();

  constructor(folder: string, host: string) {
    this.#folder = folder;
    this.#host = host;
  }

  /** Looks at all `*.yaml` and `*.yml`, and reads those that changed. No folder is as good as an empty one. @throws when it cannot be listed. */
  async look(): Promise<readonly WorkloadFile[]> {
    const known = new Map<string, Known>();
    const paths = await this.#list();
    const found = await Promise.all(paths.map(path => this.#read(path, this.#known.get(path))));
    for (const [index, next] of found.entries()) if (next) known.set(paths[index]!, next);
    for (const [path, before] of this.#known)
      if (!known.has(path) && !before.missing) known.set(path, { ...before, missing: true });
    this.#known = known;
    return [...known.values()];
  }

  async #list(): Promise<string[]> {
    try {
      const names = await readdir(this.#folder);
      return names
        .filter(name => /^[^.].*\.ya?ml$/.test(name))
        .sort()
        .map(name => join(this.#folder, name));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async #read(path: string, before: Known | undefined): Promise<Known | undefined> {
    let version = '';
    try {
      const { ino, size, mtimeMs, ctimeNs } = await stat(path, { bigint: true });
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
