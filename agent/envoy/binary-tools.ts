import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Runs a program to its end, at most five minutes. @returns what it printed. @throws with the last of its errors. */
export async function run(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, {
      signal,
      timeout: 300_000,
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  } catch (cause) {
    signal.throwIfAborted();
    const { code, stderr = '' } = cause as { readonly code?: unknown; readonly stderr?: string };
    if (typeof code === 'string') throw cause;
    // No cause: it would say all of its errors once more.
    const said = stderr.trim().split('\n').at(-1);
    throw new Error(`${program} ${args.slice(0, 3).join(' ')} failed${said ? `: ${said}` : ''}`);
  }
}

/**
 * SHA-256 of a file in hexadecimal. A process of its own computes it, on another processor: this one has modules to load meanwhile.
 * Node, as it uses the processor's instructions for it, where Debian's `sha256sum` takes three times as long.
 * @throws when the file cannot be read.
 */
export async function sha256(path: string): Promise<string> {
  const program = join(import.meta.dirname, 'sha256.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    program,
    path,
  ]);
  return stdout;
}
