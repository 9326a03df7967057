import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from './errors.ts';

/**
 * Writes a file whole or not at all: a reader, a crash or a full disk finds the old content or the new, never a part.
 * Missing folders are made with mode 0700.
 * @param mode permissions of the file whatever the umask, 0600 unless told otherwise.
 */
export async function writeAtomic(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A write that began so long ago is not under way any more, milliseconds. */
const UNFINISHED_MS = 60_000;

/** Removes what writers that were killed in the middle of `writeAtomic` have left anywhere below a folder; keys may be in it. */
export async function sweepUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!/\.[0-9a-f]{12}\.tmp$/.test(name)) continue;
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > UNFINISHED_MS) await rm(file, { force: true });
  }
}

/** The content of a file; undefined when there is none. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The content of a plain file. To read a pipe would hold one of Node's few threads for as long as nobody writes, whatever the signal.
 * @throws when it is none, or cannot be read; the message names it.
 */
export async function readPlain(path: string): Promise<Buffer> {
  if (!(await stat(path)).isFile()) throw new Error(`cannot read ${path}: it is no plain file`);
  return await readFile(path);
}
