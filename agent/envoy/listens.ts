import { readdir, readFile, readlink } from 'node:fs/promises';

/** State of a socket that listens, in hexadecimal: TCP_LISTEN of the kernel's tcp_states.h. */
const LISTEN = '0A';

/**
 * Whether a process has a TCP socket that listens, in the network namespace that it is in itself.
 * @returns false also when there is no such process.
 */
export async function listens(pid: number): Promise<boolean> {
  const own = await inodes(pid);
  if (own.size === 0) return false;
  const tables = await Promise.all(['tcp', 'tcp6'].map(name => table(`/proc/${pid}/net/${name}`)));
  return tables.flat().some(inode => own.has(inode));
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

/** Inodes of the sockets that listen, of a table as proc_pid_net(5) describes it. */
async function table(path: string): Promise<readonly string[]> {
  const lines = (await readFile(path, 'latin1').catch(() => '')).split('\n').slice(1);
  return lines.flatMap(line => {
    const fields = line.trim().split(/\s+/);
    return fields[3] === LISTEN ? (fields[9] ?? []) : [];
  });
}
