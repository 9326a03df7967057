import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import { keyOf } from '../mapping.ts';
import type { Problem, RegistryService } from '../registry.ts';
import type { FileContent, UnreadableService } from './document.ts';
import { keepUnnamed, withoutProblems } from './kept.ts';
import { readContent } from './reading.ts';

/** A file of more than this many bytes is not read. */
const MAXIMUM_BYTES = 64 * 1024 * 1024;

/** Writes closer together than this may bear the same times, milliseconds: a file so young is read again at the next look. */
const YOUNG_MS = 50;

const NOTHING: FileContent = { services: [], kept: [], problems: [], unreadable: [], partly: true };

interface KnownFile {
  /** Changes when the file does; empty when that could not be told. */
  readonly version: string;
  /** A hash over its text; empty when it could not be used. */
  readonly hash: string;
  readonly content: FileContent;
  /** Why the version cannot be used; the content is then that of the version before. */
  readonly broken?: Problem;
  /** It was there at the look before: it may be gone, or be in the middle of being replaced. */
  readonly missing?: boolean;
}

/** Everything that the files say together. */
export interface Listing {
  /** By namespace and name. */
  readonly services: ReadonlyMap<string, RegistryService>;
  /** By namespace and name; none of those that can be used. */
  readonly unreadable: ReadonlyMap<string, UnreadableService>;
  readonly problems: readonly Problem[];
  /** Something cannot be used that may hold any service, and what it said before is not known here. */
  readonly partly: boolean;
  /** Some file went away since the last look; its services go with the next. */
  readonly missing: boolean;
}

/** What tells a file from what it was: its inode, size and times. */
export type FileFacts = Pick<BigIntStats, 'isFile' | 'ino' | 'size' | 'mtimeMs' | 'ctimeNs'>;

const statOf = (file: string): Promise<FileFacts> => stat(file, { bigint: true });

/** The files at a path, each with what it said when it was last usable. */
export class Files {
  /** The directory to watch: the path, or the one that holds the file. */
  readonly directory: string;
  readonly #path: string;
  readonly #single: boolean;
  readonly #factsOf: (file: string) => Promise<FileFacts>;
  #known: ReadonlyMap<string, KnownFile> = new Map();

  /**
   * @param single whether the path is a file; else it is a directory of `*.yaml` and `*.json`.
   * @param factsOf what the file system says of a file; for tests.
   */
  constructor(path: string, single: boolean, factsOf: (file: string) => Promise<FileFacts> = statOf) {
    this.#path = path;
    this.#single = single;
    this.#factsOf = factsOf;
    this.directory = single ? dirname(path) : path;
  }

  /**
   * Looks at all files, and reads those that changed since the last look.
   * @throws when the directory cannot be listed; the signal's reason when it aborts.
   */
  async look(signal: AbortSignal): Promise<Listing> {
    const names = this.#single ? [basename(this.#path)] : await listNames(this.directory);
    const known = new Map<string, KnownFile>();
    for (const file of names.map(name => join(this.directory, name))) {
      const next = await readOne(file, () => this.#factsOf(file), this.#known.get(file), this.#single, signal);
      if (next) known.set(file, next);
    }
    for (const [file, before] of this.#known)
      if (!known.has(file) && !before.missing) known.set(file, { ...before, missing: true });
    this.#known = known;
    return together(known);
  }
}

async function readOne(
  file: string,
  facts: () => Promise<FileFacts>,
  before: KnownFile | undefined,
  only: boolean,
  signal: AbortSignal,
): Promise<KnownFile | undefined> {
  let version = '';
  try {
    const found = await facts();
    // To read a pipe would wait for a writer, and hold one of the few threads that read files.
    if (!found.isFile()) throw new Error(`${file}: is no file; write the services into one`);
    const { ino, size, mtimeMs, ctimeNs } = found;
    if (Date.now() - Number(mtimeMs) > YOUNG_MS) version = `${ino} ${size} ${ctimeNs}`;
    if (version !== '' && before?.version === version && !before.missing) return before;
    if (size > MAXIMUM_BYTES) throw new Error(`${file}: holds ${size} bytes; at most ${MAXIMUM_BYTES} are read`);
    const text = await readFile(file, 'utf8');
    const hash = createHash('sha256').update(text).digest('base64url');
    if (before?.hash === hash && !before.missing) return { ...before, version };
    const content = await readContent(text, file, signal);
    return { version, hash, content: keepUnnamed(content, before?.content) };
  } catch (error) {
    signal.throwIfAborted();
    // In a directory, a file that went away takes its services along; the only file does not.
    if (codeOf(error) === 'ENOENT' && !only) return undefined;
    const content = keptOf(before, file);
    const [where, what] = placeAndCause(file, messageOf(error));
    const why = `${what}; ${content === NOTHING ? 'nothing new of it is used' : 'what it said before stays'}`;
    return { version, hash: '', content, broken: { where, why } };
  }
}

/** Made once, so that a look which finds a file broken still tells nothing new. */
function keptOf(before: KnownFile | undefined, file: string): FileContent {
  if (!before) return NOTHING;
  return before.broken ? before.content : withoutProblems(before.content, file);
}

/** Where a file is wrong, and what: a message may begin with the file and the line already. */
function placeAndCause(file: string, message: string): [where: string, what: string] {
  const line = message.startsWith(`${file}:`) ? /^(:\d+)?: /.exec(message.slice(file.length)) : null;
  return line ? [`${file}${line[1] ?? ''}`, message.slice(file.length + line[0].length)] : [file, message];
}

async function listNames(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter(name => /^[^.].*\.(ya?ml|json)$/.test(name)).sort();
}

function together(files: ReadonlyMap<string, KnownFile>): Listing {
  const services = new Map<string, RegistryService>();
  const from = new Map<string, string>();
  const problems: Problem[] = [];
  // What is still there goes before what is missing: a file may have been renamed.
  const ordered = [...files].sort(([, a], [, b]) => Number(a.missing ?? false) - Number(b.missing ?? false));
  for (const [file, { content, broken, missing }] of ordered) {
    if (broken) problems.push(broken);
    problems.push(...content.problems);
    for (const service of content.services) {
      const key = keyOf(service);
      const first = from.get(key);
      if (first === undefined) {
        services.set(key, service);
        from.set(key, file);
      } else if (!missing) {
        const why = `service "${service.name}" is in ${first} already; write it in one of the two, this one is left out`;
        problems.push({ where: file, why });
      }
    }
  }
  for (const service of ordered.flatMap(([, { content }]) => content.kept))
    if (!services.has(keyOf(service))) services.set(keyOf(service), service);
  const unreadable = new Map<string, UnreadableService>();
  for (const service of ordered.flatMap(([, { content }]) => content.unreadable)) {
    const key = keyOf(service);
    if (services.has(key) || unreadable.has(key)) problems.push(service.problem);
    else unreadable.set(key, service);
  }
  const all = [...files.values()];
  return {
    services,
    unreadable,
    problems,
    partly: all.some(({ content }) => content.partly),
    missing: all.some(file => file.missing),
  };
}
