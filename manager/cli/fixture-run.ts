import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ApiFixture } from '../api/fixture.ts';
import { connectManager } from './client.ts';
import { type CommandContext, runCommand } from './command.ts';
import { managerCommands } from './index.ts';

/** Splits `reviews` between two subsets. */
export const ROUTES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
    - route:
        - destination: {host: reviews, subset: v1}
          weight: 90
        - destination: {host: reviews, subset: v2}
          weight: 10
`;
/** Defines them. */
export const RULE = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
`;

/** What a command came to. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line against the API of a test. */
export async function run(
  api: ApiFixture | undefined,
  line: string,
  stdin = '',
  signal: AbortSignal = AbortSignal.timeout(30_000),
): Promise<Run> {
  let [out, err] = ['', ''];
  const context: CommandContext = {
    stdout: { write: text => (out += text) },
    stderr: { write: text => (err += text) },
    stdin: async () => stdin,
    isTTY: false,
    columns: 80,
    connect: address => connectManager({ ...address, runDir: api?.directory ?? '/nowhere' }),
    signal,
  };
  const [command] = managerCommands
    .filter(({ name }) => line === name || line.startsWith(`${name} `))
    .sort((a, b) => b.name.length - a.name.length);
  if (!command) throw new Error(`no command in "${line}"`);
  const argv = line
    .slice(command.name.length)
    .split(' ')
    .filter(word => word !== '');
  const code = await runCommand(command, argv, context);
  return { code, out, err };
}

/** Writes a file into a folder of the test. */
export function write(api: ApiFixture, name: string, text: string): string {
  const folder = join(api.directory, 'files');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** Runs a command line that must succeed. */
export async function ok(t: ExecutionContext, api: ApiFixture, line: string, stdin?: string): Promise<Run> {
  const result = await run(api, line, stdin);
  t.is(result.code, 0, `${line}: ${result.err}`);
  return result;
}
