import { once } from 'node:events';
import { chmodSync, statSync, unlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { codeOf } from './errors.ts';

/**
 * Has a server listen on a unix socket that only its owner may open, from its first moment on. A socket that an earlier life left is
 * replaced; of several that begin at once, none takes the socket of another away. Closing the server removes the socket.
 * @param refuseOther rejects when another process answers there.
 * @throws what `refuseOther` does; and when the socket cannot be made.
 */
export async function listenPrivately(
  server: Server,
  path: string,
  refuseOther: (path: string) => Promise<void>,
): Promise<void> {
  // Manager and agent keep their sockets in one folder, and Envoy, another user, must pass through.
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const before = identityOf(path);
  if (await listen(server, path)) return;
  await refuseOther(path);
  // An earlier life left it, unless somebody who began just now took its place.
  if (before !== undefined && identityOf(path) === before) unlinkSync(path);
  if (await listen(server, path)) return;
  await refuseOther(path);
  throw new Error(`Cannot listen on ${path}: something takes its place again and again; see what with: ss -xlp`);
}

/** @returns false when something lies there. */
async function listen(server: Server, path: string): Promise<boolean> {
  // To connect takes the right to write: nobody else may have it for a moment either, whatever mask the process was started with.
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  try {
    await once(server, 'listening');
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return false;
    throw new Error(`Cannot listen on ${path}: take a folder that this user may write to, with a path that is short`, {
      cause: error,
    });
  }
  // Where the folder has a default ACL, that counts instead of the mask; umask(2).
  chmodSync(path, 0o600);
  return true;
}

/** Tells a file from another that takes its place; undefined when there is none. */
function identityOf(path: string): string | undefined {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return file && `${file.ino} ${file.ctimeNs}`;
}
