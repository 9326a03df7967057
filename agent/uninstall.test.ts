import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { silentLogger } from '../manager/model/util/log.ts';
import { makeFolder } from '../test/folders.ts';
import { UnansweredError } from './status/client.ts';
import { serveStatus } from './status/server.ts';
import type { AgentStatus } from './status/status.ts';
import { LingeringAgentError, uninstallAgent } from './uninstall.ts';

/** A process that does not heed SIGTERM, once it says so. */
async function stubborn(): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ['-e', `process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log()`],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  await once(child.stdout, 'data');
  return child;
}

test('an agent whose socket was removed is not passed over', async t => {
  const folder = makeFolder('uninstall');
  t.teardown(() => rm(folder, { recursive: true }));
  const [stateDir, runDir] = [join(folder, 'state'), join(folder, 'run')];
  const own = join(stateDir, 'agent');
  await mkdir(own, { recursive: true });
  await using _socket = await serveStatus(join(runDir, 'agent.sock'), { status: () => ({ pid: 0 }) as AgentStatus });
  await rm(runDir, { recursive: true });
  const options = { stateDir, runDir, graceMs: 0, stopMs: 300 };
  await t.throwsAsync(uninstallAgent(options, silentLogger, AbortSignal.timeout(10_000)), {
    instanceOf: UnansweredError,
    message: `An agent runs, whose socket somebody removed: ${runDir}/agent.sock, which has not come back (its process: ss -xlp)`,
  });
  await t.notThrowsAsync(access(own));
});

test('an agent that answers and does not end is named, and nothing is taken away', async t => {
  const folder = makeFolder('uninstall');
  t.teardown(() => rm(folder, { recursive: true }));
  const [stateDir, runDir] = [join(folder, 'state'), join(folder, 'run')];
  const own = join(stateDir, 'agent');
  for (const path of [own, runDir]) await mkdir(path, { recursive: true });
  const agent = await stubborn();
  t.teardown(() => agent.kill('SIGKILL'));
  await using _socket = await serveStatus(join(runDir, 'agent.sock'), {
    status: () => ({ pid: agent.pid! }) as AgentStatus,
  });
  const options = { stateDir, runDir, graceMs: 0, stopMs: 300 };
  const error = await t.throwsAsync(uninstallAgent(options, silentLogger, AbortSignal.timeout(10_000)), {
    instanceOf: LingeringAgentError,
    message: `The agent (process ${agent.pid}) was told to end, and has not for 0.3 s`,
  });
  t.is(error.pid, agent.pid!);
  await t.notThrowsAsync(access(own));
});
