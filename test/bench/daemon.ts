import { readFileSync } from 'node:fs';
import { eventually } from '../eventually.ts';
import type { Place } from '../hosts/host.ts';
import type { ProcessOptions, Running } from '../hosts/process.ts';

const LIMIT_MS = 20_000;
const PAUSE_MS = 20;

/**
 * Starts a daemon that does not say when it is ready, and waits until it listens.
 * @throws with what it said, when it ends first or does not listen in time.
 */
export async function startDaemon(
  place: Place,
  command: readonly string[],
  ports: readonly number[],
  options: ProcessOptions = {},
): Promise<Running> {
  // A session of its own, as services have: the kernel shares processors out by session, and Isthmus's Envoys have their own too.
  const daemon = place.spawn(['setsid', ...command], options);
  const over = new AbortController();
  void daemon.exited.then(({ code, signal, stdout, stderr }) => {
    const said = `${stdout}${stderr}`.slice(-2000);
    over.abort(new Error(`${command[0]} on ${place.name} ended with ${signal ?? code}: ${said}`));
  });
  const silent = (): readonly number[] => ports.filter(port => !listens(daemon.pid, port));
  const none = (left: readonly number[]): boolean => left.length === 0;
  const patience = { timeoutMs: LIMIT_MS, pauseMs: PAUSE_MS, signal: over.signal };
  try {
    await eventually(`${command[0]} on ${place.name} listens`, silent, none, patience);
    return daemon;
  } catch (error) {
    await daemon.kill('SIGKILL');
    throw error;
  }
}

/** Whether the network namespace of a process has a TCP listener on a port, as /proc/<pid>/net/tcp tells. */
function listens(pid: number, port: number): boolean {
  const wanted = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} [0-9A-F]+:0000 0A `);
  try {
    return ['tcp', 'tcp6'].some(table => wanted.test(readFileSync(`/proc/${pid}/net/${table}`, 'utf8')));
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
