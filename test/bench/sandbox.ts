import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * Runs a program of ours in PID, network and mount namespaces of its own. When it ends, or this process is killed, the kernel ends all
 * that it started, daemons too, and its network namespaces and scratch files go with it.
 * @param file path of the `.ts` file; it runs as PID 1 of the sandbox.
 * @returns its exit code.
 * @throws when the sandbox cannot be made (not root, no util-linux).
 */
export async function runSandboxed(file: string, args: readonly string[]): Promise<number> {
  if (process.getuid?.() !== 0)
    throw new Error('The benchmark makes network namespaces and needs root; run it with sudo');
  const unshare = ['unshare', '--pid', '--net', '--mount', '--fork', '--kill-child=KILL', '--mount-proc'];
  const command = ['--pdeathsig', 'KILL', ...unshare, process.execPath, file, ...args];
  const child = spawn('setpriv', command, { stdio: 'inherit', detached: true });
  const forward = (): void => void child.kill('SIGKILL');
  process.on('SIGINT', forward).on('SIGTERM', forward);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
    });
  } finally {
    process.off('SIGINT', forward).off('SIGTERM', forward);
  }
}
