import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { codeOf } from '../../manager/model/util/errors.ts';
import type { AgentStatus } from './status.ts';

/**
 * What the agent of this host says of itself.
 * @param path of its socket.
 * @returns undefined when no agent runs.
 * @throws when it does not answer as it should, or the signal aborts.
 */
export async function askStatus(path: string, signal: AbortSignal): Promise<AgentStatus | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = request({ socketPath: path, path: '/status', agent: false, signal }, response => {
    text(response).then(resolve, reject);
  });
  call.on('error', reject).end();
  try {
    return JSON.parse(await promise) as AgentStatus;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ECONNREFUSED') return undefined;
    throw error;
  }
}
