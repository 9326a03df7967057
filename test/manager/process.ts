import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { stringify } from 'yaml';
import { connectManager, type ManagerAnswer, type ManagerRequest } from '../../manager/cli/client.ts';
import { makeFolder } from '../folders.ts';
import { type Running, watch } from '../hosts/process.ts';
import { freePorts } from '../ports.ts';

const ISTHMUS = new URL('../../packaging/bin/isthmus', import.meta.url).pathname;
const LIMIT_MS = 60_000;

/** `isthmus manager` as a process of its own, which can be killed and started again over the same files. */
export interface ManagerProcess {
  /** Where agents connect: the same in every life. */
  readonly agents: string;
  /** @param config of manager.yaml from now on, besides where it listens; as it was when absent. */
  start(config?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Kills it, and resolves when it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Runs `isthmus …` against it. */
  isthmus(
    ...words: string[]
  ): Promise<{ readonly code: number | undefined; readonly out: string; readonly err: string }>;
  ask(request: ManagerRequest): Promise<ManagerAnswer>;
  /** Makes a join token for a host, and gives its text. */
  token(host: string): Promise<string>;
}

/** Starts a Manager on the loopback; everything of it goes with the test. @param config of manager.yaml, besides where it listens. */
export async function startManagerProcess(
  t: ExecutionContext,
  config: Readonly<Record<string, unknown>> = {},
): Promise<ManagerProcess> {
  const folder = makeFolder('process');
  const [agents = 0, api = 0] = await freePorts(2);
  const listen = (port: number): object => ({ address: '127.0.0.1', port });
  const fixed = { trustDomain: 'test.mesh', agents: listen(agents), api: listen(api), registries: [] };
  const flags = ['--config-dir', folder, '--state-dir', folder, '--run-dir', folder];
  let running: Running | undefined;
  const kill = async (signal: NodeJS.Signals): Promise<void> => void (await running?.kill(signal));
  const start: ManagerProcess['start'] = async more => {
    if (more) writeFileSync(join(folder, 'manager.yaml'), stringify({ ...fixed, ...more }));
    running = isthmus('manager', ...flags);
    await running.line(/Manager is ready/, LIMIT_MS);
  };
  t.teardown(async () => {
    await kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  await start(config);
  const client = connectManager({ runDir: folder });
  const ask = (request: ManagerRequest): Promise<ManagerAnswer> =>
    client.request(request, AbortSignal.timeout(LIMIT_MS));
  return {
    agents: `127.0.0.1:${agents}`,
    start,
    kill,
    ask,
    async token(host) {
      const body = { host, identities: ['default/*'] };
      const answer = await ask({ method: 'POST', path: '/isthmus/v1/tokens', body });
      return (answer.body as { readonly token: string }).token;
    },
    async isthmus(...words) {
      const { code, stdout, stderr } = await isthmus(...words, '--run-dir', folder).exited;
      return { code, out: stdout, err: stderr };
    },
  };
}

function isthmus(...words: readonly string[]): Running {
  return watch(spawn(ISTHMUS, words, { stdio: ['ignore', 'pipe', 'pipe'] }), ['isthmus', ...words]);
}
