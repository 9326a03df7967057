import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** Something of the system refused what capture needs. */
export class RedirectError extends Error {
  override readonly name = 'RedirectError';
  readonly code = 'REDIRECT_FAILED';
}

/** Where system programs lie. PATH is not asked: npm packages bring programs of the same names. */
const FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/sbin'];

/** Longest run of one command, milliseconds. */
const LIMIT_MS = 10_000;

/** Path of a system program; undefined when it is not installed. */
export function findSystemProgram(name: string): string | undefined {
  return FOLDERS.map(folder => `${folder}/${name}`).find(path => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Programs of the system that capture calls, by absolute path. */
export interface Tools {
  readonly nft: string;
  readonly ip: string;
  readonly nsenter: string;
}

/** Finds the programs. @throws {RedirectError} that says what to install. */
export function findTools(): Tools {
  const [nft, ip, nsenter] = ['nft', 'ip', 'nsenter'].map(findSystemProgram);
  if (!nft) throw new RedirectError('nftables is not installed (no nft in /usr/sbin): run apt-get install nftables');
  if (!ip) throw new RedirectError('iproute2 is not installed (no ip in /usr/sbin): run apt-get install iproute2');
  if (!nsenter)
    throw new RedirectError('util-linux is not installed (no nsenter in /usr/bin): run apt-get install util-linux');
  return { nft, ip, nsenter };
}

/** The command line that runs a program inside a network namespace; the program as it is without one. */
export function inNamespace(tools: Tools, namespace: string | undefined, argv: readonly string[]): string[] {
  return namespace === undefined ? [...argv] : [tools.nsenter, `--net=${namespace}`, '--', ...argv];
}

/**
 * A file without a name that holds a script, to be a program's standard input; the caller closes the descriptor. The pipes that
 * Node makes are sockets, and nft 1.0.9 (Ubuntu 24.04) takes no script from a socket.
 */
function scriptInput(script: string): number {
  const path = join(tmpdir(), `isthmus-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  try {
    const bytes = Buffer.from(script);
    // At a position, so that the program reads from the beginning. A disk that is nearly full takes a part.
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/**
 * Runs a program to its end and resolves to what it printed.
 * @throws {RedirectError} when it fails or takes longer than ten seconds, with the first line of what it complained about.
 */
export async function run(argv: readonly string[], input?: string): Promise<string> {
  const [program = '', ...args] = argv;
  const file = input === undefined ? undefined : scriptInput(input);
  const child = spawn(program, args, {
    stdio: [file ?? 'ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { LC_ALL: 'C' },
  });
  if (file !== undefined) closeSync(file);
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.once('error', error => reject(new RedirectError(`Cannot run ${program}`, { cause: error })));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const [stdout, stderr, { code, signal }] = await Promise.all([outputOf(child.stdout), outputOf(child.stderr), ended]);
  if (code === 0) return stdout;
  const said = stderr.trim().split('\n').slice(0, 2).join(' ');
  throw new RedirectError(
    `${argv.join(' ')} ${signal ? `was ended by ${signal}` : `failed (${code})`}${said && `: ${said}`}`,
  );
}

/** What a program says until it ends: nothing when it could not begin for want of file descriptors, which leaves it no streams. */
export async function outputOf(stream: Readable | null): Promise<string> {
  return stream ? text(stream) : '';
}

/** Runs commands of nft as one transaction. @throws {RedirectError} */
export async function runNft(tools: Tools, namespace: string | undefined, script: string): Promise<void> {
  await run(inNamespace(tools, namespace, [tools.nft, '-f', '-']), script);
}
