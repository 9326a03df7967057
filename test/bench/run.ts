import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/**
 * Runs a program to its end and gives what it printed on stdout.
 * @throws when it exits with another code than 0 or runs longer than timeoutMs; the message holds its stderr.
 */
export async function run(command: readonly string[], signal?: AbortSignal, timeoutMs = 15_000): Promise<string> {
  const [program, ...args] = command;
  const { stdout } = await execFileAsync(program!, args, {
    timeout: timeoutMs,
    maxBuffer: 16 << 20,
    ...(signal ? { signal } : {}),
  });
  return stdout;
}
