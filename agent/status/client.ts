import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../manager/model/util/errors.ts';
import { http } from '../../manager/model/util/http.ts';
import type { AgentStatus } from './status.ts';

/** Pause before another try, milliseconds. */
const AGAIN_MS = 20;

/** The agent took the call, and did not answer as long as it was waited for. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
  readonly code = 'UNANSWERED';
}

/**
 * What the agent of this host says of itself.
 * @param path of its socket.
 * @returns undefined when no agent runs.
 * @throws {UnansweredError} when the signal aborts of a timeout.
 * @throws when it does not answer as it should, or the signal aborts otherwise.
 */
export async function askStatus(path: string, signal: AbortSignal): Promise<AgentStatus | undefined> {
  for (;;) {
    try {
      return JSON.parse(await ask(path, signal)) as AgentStatus;
    } catch (error) {
      if (isTimeout(signal)) throw new UnansweredError(`The agent does not answer at ${path}`);
      const code = codeOf(error) ?? '';
      if (['ENOENT', 'ECONNREFUSED'].includes(code)) return undefined;
      // It ended between the call and its answer: the next try finds nobody, or the one that follows.
      if (!['ECONNRESET', 'EPIPE'].includes(code) || signal.aborted) throw error;
      await delay(AGAIN_MS, undefined, { signal });
    }
  }
}

function isTimeout({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof Error && reason.name === 'TimeoutError';
}

async function ask(path: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = http.request({ socketPath: path, path: '/status', agent: false, signal }, response => {
    text(response).then(resolve, reject);
  });
  call.on('error', reject).end();
  return await promise;
}
