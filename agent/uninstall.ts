import { existsSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../manager/model/util/errors.ts';
import type { Logger } from '../manager/model/util/log.ts';
import { envoyPaths } from './envoy/paths.ts';
import { EnvoyProcess } from './envoy/process.ts';
import { gone, type ProcessRef, processRef, sendSignal } from './envoy/process-ref.ts';
import { Redirect } from './redirect/redirect.ts';
import { isBound } from './status/bound.ts';
import { askStatus, UnansweredError } from './status/client.ts';

export interface UninstallOptions {
  readonly stateDir: string;
  readonly runDir: string;
  /** How long connections that go through Envoy may go on, milliseconds. */
  readonly graceMs: number;
  /** How long a running agent may take to end, milliseconds; 15 s unless told otherwise. */
  readonly stopMs?: number;
}

/** The agent was told to end, and goes on. */
export class LingeringAgentError extends Error {
  override readonly name = 'LingeringAgentError';
  readonly code = 'LINGERING';
  readonly pid: number;

  constructor(pid: number, ms: number) {
    super(`The agent (process ${pid}) was told to end, and has not for ${ms / 1000} s`);
    this.pid = pid;
  }
}

/**
 * Takes this host out of the mesh: ends the agent, removes every rule and route, ends Envoy, and removes all files of the agent, its
 * identity too. Traffic then goes as it went before. What is already gone is no error; a second call finishes what a first left.
 * @throws {LingeringAgentError} {@link UnansweredError} when the agent does not end, or not answer; nothing was taken away.
 * @throws when a rule cannot be removed, or the signal aborts; what follows is then left as it is.
 */
export async function uninstallAgent(options: UninstallOptions, logger: Logger, signal: AbortSignal): Promise<void> {
  const { stateDir, runDir, graceMs, stopMs = 15_000 } = options;
  const own = join(stateDir, 'agent');
  await endAgent(join(runDir, 'agent.sock'), stopMs, signal);
  signal.throwIfAborted();
  await new Redirect({ stateDir: own, logger }).uninstall();
  logger.info('removed the capture rules; traffic goes as it went before');
  const paths = envoyPaths(runDir, join(own, 'log'));
  const envoy = new EnvoyProcess({ binary: '', paths, uid: 0, gid: 0, bootstrap: {}, log: logger });
  await envoy.stop(graceMs, signal);
  const files = [
    own,
    paths.own,
    dirname(paths.program),
    paths.admin,
    paths.xds,
    paths.bootstrap,
    paths.state,
    join(runDir, 'namespaces'),
  ];
  for (const path of files) await rm(path, { recursive: true, force: true });
  for (const folder of [runDir, stateDir]) await rmdir(folder).catch(notEmpty);
}

/** A folder that holds something of others stays. */
function notEmpty(error: unknown): void {
  if (!['ENOTEMPTY', 'ENOENT', 'EBUSY'].includes(codeOf(error) ?? '')) throw error;
}

/**
 * Asks the running agent to end, and waits until it has: it answers no more while it still ends what it was about, such as to start Envoy.
 * One whose socket somebody removed makes it again within moments, and would then make all else again too.
 */
async function endAgent(socket: string, stopMs: number, signal: AbortSignal): Promise<void> {
  const timeout = AbortSignal.timeout(stopMs);
  const over = AbortSignal.any([signal, timeout]);
  let asked: ProcessRef | undefined;
  try {
    for (;;) {
      const running = await askStatus(socket, over);
      if (!running && (asked || !isBound(socket))) return asked && (await gone(asked, over));
      if (running && asked?.pid !== running.pid) {
        asked = await processRef(running.pid);
        if (asked) await sendSignal(asked, 'SIGTERM');
      }
      await delay(50, undefined, { signal: over });
    }
  } catch (error) {
    if (signal.aborted || !timeout.aborted) throw error;
    if (asked) throw new LingeringAgentError(asked.pid, stopMs);
    if (error instanceof UnansweredError && existsSync(socket)) throw error;
    const what = 'An agent runs, whose socket somebody removed';
    throw new UnansweredError(`${what}: ${socket}, which has not come back (its process: ss -xlp)`);
  }
}
