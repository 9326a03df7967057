import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, mkdir, open, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { type Capability, capabilitiesOf } from '../capabilities.ts';
import { startedNode } from './bootstrap.ts';
import type { EnvoyPaths } from './paths.ts';
import { type ProcessRef, processRef } from './process-ref.ts';

export interface EnvoyProgram {
  /** Path of Envoy itself. */
  readonly binary: string;
  readonly paths: EnvoyPaths;
  /** The user and group that Envoy runs as; of no effect unless the agent is root. */
  readonly uid: number;
  readonly gid: number;
  /** What Envoy may do beyond what its user may; of no effect unless the agent is root. */
  readonly capabilities?: readonly Capability[];
  /** Worker threads; one for each core unless told otherwise. */
  readonly concurrency?: number;
  /** How long connections of a listener that changed or went, or of an Envoy that was replaced, may go on, seconds. */
  readonly drainSeconds?: number;
  readonly logLevel?: 'debug' | 'info' | 'warning' | 'error';
}

/** Which Envoy of a line of Envoys that take over from one another. */
export interface Generation {
  /** 0 for the first one. */
  readonly epoch: number;
  /** The line's number; undefined has Envoy choose one. */
  readonly baseId: number | undefined;
  /** When it was started, milliseconds since the machine was: it says so to its agent, which may be asked by two at once. */
  readonly startedMs?: number;
}

/**
 * Leaves a process behind that is nobody's child, tells its number on descriptor 5, and has it wait for a line on descriptor 4 before
 * it gets on as many open files as may be and becomes Envoy. Envoy asks the kernel to be killed with its parent, which it must not
 * have by then.
 */
const ORPHAN = `{ read -r go <&4 && ulimit -n "$(ulimit -Hn)" && exec "$0" "$@" 4<&-; } 5>&- & echo $! >&5`;

/** What Envoy notes in files is there to read after so long at the latest, milliseconds. */
export const FLUSH_MS = 500;

/** The command line of Envoy, without what makes it another user. */
export function envoyCommand(program: EnvoyProgram, { epoch, baseId, startedMs }: Generation): string[] {
  const { paths, concurrency, drainSeconds = 60, logLevel = 'warning' } = program;
  const options = {
    '--config-path': paths.bootstrap,
    '--base-id-path': paths.baseId,
    '--socket-path': paths.takeOver,
    '--socket-mode': '600',
    '--restart-epoch': epoch,
    '--drain-time-s': drainSeconds,
    '--parent-shutdown-time-s': drainSeconds + 15,
    '--file-flush-interval-msec': FLUSH_MS,
    '--log-level': logLevel,
    ...(baseId === undefined ? {} : { '--base-id': baseId }),
    ...(startedMs === undefined ? {} : { '--config-yaml': JSON.stringify(startedNode(startedMs)) }),
    ...(concurrency === undefined ? {} : { '--concurrency': concurrency }),
  };
  const flags = [
    ...(baseId === undefined ? ['--use-dynamic-base-id'] : []),
    ...(epoch > 0 ? ['--skip-hot-restart-on-no-parent'] : []),
  ];
  return [paths.program, ...Object.entries(options).flatMap(([name, value]) => [name, String(value)]), ...flags];
}

/**
 * Starts Envoy in a session of its own and with no parent, so that it outlives the agent.
 * @param log what it prints goes there.
 * @param note told which process will be Envoy before it is: one that nobody knows of would run for ever.
 * @throws when it cannot be started, or noted.
 */
export async function launch(
  program: EnvoyProgram,
  generation: Generation,
  log: FileHandle,
  note: (ref: ProcessRef) => Promise<void>,
): Promise<void> {
  const root = process.getuid?.() === 0;
  const command = ['/bin/sh', '-c', ORPHAN, ...envoyCommand(program, generation)];
  const capable = root && (program.capabilities ?? []).length > 0;
  await linkProgram(program.paths.program);
  await using binary = await open(program.binary);
  const [file = '', ...args] = capable ? [...(await withCapabilities(program)), ...command] : command;
  const shell = spawn(file, args, {
    cwd: '/',
    detached: true,
    env: {},
    stdio: ['ignore', log.fd, log.fd, binary.fd, 'pipe', 'pipe'],
    timeout: 10_000,
    ...(root && !capable ? { uid: program.uid, gid: program.gid } : {}),
  });
  const [, , , , go, told] = shell.stdio as readonly unknown[] as [null, null, null, null, Writable, Readable];
  const [[code], pid] = await Promise.all([once(shell, 'exit'), text(told)]);
  const ref = await processRef(Number(pid));
  try {
    if (code !== 0 || ref === undefined)
      throw new Error(`Cannot start Envoy: ${file} ended with ${code}; see ${program.paths.log}`);
    await note(ref);
  } catch (error) {
    go.destroy();
    throw error;
  }
  go.end('go\n');
  await finished(go);
}

/**
 * Envoy's user need not be able to reach the program, which may lie in the cache of root: it gets the open file. The link keeps the
 * name that `ps` shows.
 */
async function linkProgram(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await rm(path, { force: true });
  await symlink('/proc/self/fd/3', path);
}

async function withCapabilities({ uid, gid, capabilities = [] }: EnvoyProgram): Promise<string[]> {
  // Without CAP_SETPCAP the bounding set stays; nothing that Envoy could start would gain by it, as it may gain no privileges.
  const bounded = (await capabilitiesOf('self')).has('setpcap') ? ['--bounding-set'] : [];
  const only = ['-all', ...capabilities.map(name => `+${name}`)].join(',');
  const sets = ['--inh-caps', '--ambient-caps', ...bounded].flatMap(flag => [flag, only]);
  const user = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--no-new-privs'];
  return ['/usr/bin/setpriv', ...user, ...sets, '--'];
}

/** Milliseconds since the machine was started: of two Envoys, also of different agents, it tells which came later. */
export function upMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
