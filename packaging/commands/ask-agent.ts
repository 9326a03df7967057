import { join } from 'node:path';
import { envoyPaths } from '../../agent/envoy/paths.ts';
import { isAlive } from '../../agent/envoy/process-ref.ts';
import { readState } from '../../agent/envoy/process-state.ts';
import { askStatus, UnansweredError } from '../../agent/status/client.ts';
import type { AgentStatus } from '../../agent/status/status.ts';
import { notAllowed } from '../../manager/cli/client-errors.ts';
import { CommandError } from '../../manager/cli/command.ts';

const LIMIT_MS = 10_000;

/**
 * What the agent says that keeps its socket in a folder; undefined when none runs.
 * @param limitMs how long it may take, milliseconds.
 * @throws {CommandError} when it does not answer in time, or only root may ask it.
 */
export async function askAgent(
  runDir: string,
  signal: AbortSignal,
  limitMs: number = LIMIT_MS,
): Promise<AgentStatus | undefined> {
  const path = join(runDir, 'agent.sock');
  try {
    return await askStatus(path, AbortSignal.any([signal, AbortSignal.timeout(limitMs)]));
  } catch (cause) {
    if (signal.aborted) throw new CommandError('Stopped', { cause });
    if (cause instanceof UnansweredError)
      throw new CommandError(`The agent of this host did not answer at ${path} within ${limitMs / 1000} s`, {
        next: 'what its log says; then end its process and start it again: isthmus agent',
        cause,
      });
    throw notAllowed(path, cause) ?? cause;
  }
}

/** What to say where no agent runs: its Envoy may all the same. */
export async function noAgent(runDir: string): Promise<CommandError> {
  const pid = await envoyWithoutAgent(runDir);
  if (pid === undefined) return new CommandError('No agent runs on this host', { next: 'isthmus agent' });
  return new CommandError(
    `No agent runs on this host. Its Envoy, process ${pid}, and its rules still do: traffic goes on as they were last told, and nothing new reaches them`,
    { next: 'isthmus agent' },
  );
}

/** The process of the Envoy that an agent left running; undefined when there is none, or only root may know. */
export async function envoyWithoutAgent(runDir: string): Promise<number | undefined> {
  const state = await readState(envoyPaths(runDir, '').state).catch(() => undefined);
  return state && (await isAlive(state)) ? state.pid : undefined;
}
