import { readdir, readFile, readlink } from 'node:fs/promises';
import { socketsIn } from '../tcp-table.ts';

/**
 * Whether a process has a TCP socket that listens, in the network namespace that it is in itself.
 * @returns false also when there is no such process.
 */
export async function listens(pid: number): Promise<boolean> {
  const own = await inodes(pid);
  if (own.size === 0) return false;
  // A kernel may have no IPv6.
  const read = (name: string): Promise<string> => readFile(`/proc/${pid}/net/${name}`, 'latin1').catch(() => '');
  const tables = await Promise.all(['tcp', 'tcp6'].map(read));
  return tables.some(table => socketsIn(table).some(({ listens, inode }) => listens && own.has(inode)));
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
