import { chmod, chown, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Has a unix socket bound so that nobody but one user could ever open it: in a folder of its own first, then moved to its place,
 * where it takes the place of one that a dead process left.
 * @param path where it shall be; its folder must exist.
 * @param bind binds at the path it is given.
 * @throws what `bind` throws, or the error of the file system.
 */
export async function bindPrivately(path: string, uid: number, bind: (at: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(`${path}.`);
  try {
    const at = join(folder, 's');
    await bind(at);
    await chmod(at, 0o600);
    if (process.getuid?.() === 0) await chown(at, uid, -1);
    await rename(at, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
