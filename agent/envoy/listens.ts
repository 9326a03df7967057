import { readdir, readlink } from 'node:fs/promises';
import { readListeners } from '../tcp-table.ts';

/**
 * Whether a process has a TCP socket that listens, in the network namespace that it is in itself.
 * @returns false also when there is no such process.
 */
export async function listens(pid: number): Promise<boolean> {
  const own = await inodes(pid);
  return own.size > 0 && readListeners(`/proc/${pid}/net`).some(({ inode }) => own.has(inode));
}

/** Inodes of its sockets. */
async function inodes(pid: number): Promise<ReadonlySet<string>> {
  const folder = `/proc/${pid}/fd`;
  const found = new Set<string>();
  for (const name of await readdir(folder).catch(() => [])) {
    const target = await readlink(`${folder}/${name}`).catch(() => '');
    const [, inode] = /^socket:\[(\d+)\]$/.exec(target) ?? [];
    if (inode !== undefined) found.add(inode);
  }
  return found;
}
