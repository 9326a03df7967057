import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { inNamespace, outputOf, type Tools } from '../../redirect/nft.ts';
import type { Made, Order } from './order.ts';

/** A socket inside a namespace, and what it is for. */
export type MadeSocket = Made & { readonly handle: UdpSocket | Server | Socket };

const MAKE = new URL('make.ts', import.meta.url).pathname;
/** For all that is ordered at a time, milliseconds. */
const LIMIT_MS = 10_000;

/**
 * Has sockets made inside a network namespace.
 * @param namespace its path.
 * @throws when it cannot be entered, or a port is taken; no socket is left open then.
 */
export async function makeSockets(
  tools: Tools,
  namespace: string,
  order: Order,
  signal: AbortSignal,
): Promise<readonly MadeSocket[]> {
  const [program = '', ...args] = inNamespace(tools, namespace, [process.execPath, MAKE, JSON.stringify(order)]);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: {} });
  const made: MadeSocket[] = [];
  child.on('message', (what, handle) => made.push({ ...(what as Made), handle: handle as MadeSocket['handle'] }));
  try {
    await ended(child, AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]));
    return made;
  } catch (error) {
    for (const { handle } of made) closeSocket(handle);
    throw error;
  }
}

/** Closes a socket of whatever kind. */
export function closeSocket(handle: UdpSocket | Server | Socket): void {
  if ('destroy' in handle) handle.destroy();
  else handle.close();
}

async function ended(child: ChildProcess, signal: AbortSignal): Promise<void> {
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  const over = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    // Comes when all that it handed over has arrived, and its output has ended.
    child.once('close', resolve);
  });
  try {
    const [said, code] = await Promise.all([outputOf(child.stderr), over]);
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`no sockets could be made inside: ${reasonIn(said)}`);
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** The line of what a program complained about that says why. */
function reasonIn(said: string): string {
  const lines = said.split('\n').map(line => line.trim());
  return lines.find(line => /^\w*Error\b.*:/.test(line)) ?? lines.find(line => line !== '') ?? 'it left no word';
}
