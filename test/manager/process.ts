import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import { stringify } from 'yaml';
import { connectManager, type ManagerAnswer, type ManagerRequest } from '../../manager/cli/client.ts';
import { makeFolder } from '../folders.ts';
import { freePorts } from '../real/server.ts';

const ISTHMUS = new URL('../../packaging/bin/isthmus', import.meta.url).pathname;
const LIMIT_MS = 60_000;

/** `isthmus manager` as a process of its own, which can be killed and started again over the same files. */
export interface ManagerProcess {
  /** Where agents connect: the same in every life. */
  readonly agents: string;
  start(): Promise<void>;
  /** Kills it, and resolves when it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Runs `isthmus …` against it. */
  isthmus(...words: string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
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
  writeFileSync(
    join(folder, 'manager.yaml'),
    stringify({ trustDomain: 'test.mesh', agents: listen(agents), api: listen(api), registries: [], ...config }),
  );
  const flags = ['--config-dir', folder, '--state-dir', folder, '--run-dir', folder];
  let child: ChildProcess | undefined;
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  const start = async (): Promise<void> => {
    child = spawn(ISTHMUS, ['manager', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    await saying(child, 'Manager is ready');
  };
  t.teardown(async () => {
    await kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
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
      const command = spawn(ISTHMUS, [...words, '--run-dir', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
      const [out, err, [code]] = await Promise.all([
        text(command.stdout),
        text(command.stderr),
        once(command, 'close'),
      ]);
      return { code: code as number | null, out, err };
    },
  };
}

/** Resolves once a process says something; what it says later is read and dropped. @throws when it ends first, with all it said. */
async function saying(child: ChildProcess, what: string): Promise<void> {
  const said: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  for (const stream of [child.stdout!, child.stderr!])
    createInterface(stream).on('line', line => {
      said.push(line);
      if (line.includes(what)) resolve();
    });
  child.once('close', () => reject(new Error(`it ended before it said "${what}":\n${said.join('\n')}`)));
  await promise;
}
