import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type HostIdentity, hostIdentityPath, saveHostIdentity } from '../../agent/keys/host-identity.ts';
import {
  type Command,
  type CommandArguments,
  type CommandContext,
  CommandError,
  EXIT,
  usageError,
} from '../../manager/cli/command.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import { kinds } from '../../platforms/index.ts';
import { readAgentConfig } from '../config/agent.ts';
import { DIR_OPTIONS, type Dirs, dirsOf } from '../paths.ts';
import { readConfigFile } from './daemon.ts';

const { 'config-dir': configDir, 'state-dir': stateDir, 'run-dir': runDir } = DIR_OPTIONS;
const CONNECT_MS = 10_000;

export const joinCommand: Command = {
  name: 'join',
  summary: 'Make this host a member of a mesh, with a token from its Manager',
  usage: 'isthmus join <manager>[:15012] --token <token> [--host name] [--address ip]',
  examples: [
    {
      command: 'isthmus join 10.0.0.1 --token <token>',
      says: 'the token comes from: isthmus token create, on the Manager',
    },
    { command: 'isthmus join 10.0.0.1 --token-file - < token', says: 'keep the token out of the list of processes' },
    {
      command: 'isthmus join 10.0.0.1 --token <token> --address 192.0.2.7',
      says: 'other hosts reach this one at another address',
    },
  ],
  options: {
    token: { type: 'string', placeholder: 'token', summary: 'the join token' },
    'token-file': { type: 'string', placeholder: 'file', summary: 'read the token from a file; "-" is standard input' },
    host: { type: 'string', placeholder: 'name', summary: 'this host’s name in the mesh (default: its host name)' },
    address: {
      type: 'string',
      placeholder: 'ip',
      summary: 'where other hosts reach this one (default: where it reaches the Manager from)',
    },
    ...(configDir && stateDir && runDir && { 'config-dir': configDir, 'state-dir': stateDir, 'run-dir': runDir }),
  },
  positionals: { minimum: 1, maximum: 8 },
  async run({ values, positionals }, context) {
    const managers = positionals.map(withPort);
    const token = await tokenOf(values, context);
    const host = String(values['host'] ?? hostname().split('.')[0]).toLowerCase();
    const address = values['address'] === undefined ? await ownAddress(managers[0]!) : String(values['address']);
    const dirs = dirsOf(values);
    await joinHost({ managers, token, host, address }, dirs, context);
    context.stdout.write(
      `Next: name its workloads in ${join(dirs.configDir, 'workloads.d')}/*.yaml, and run: isthmus agent\n`,
    );
    return EXIT.ok;
  },
};

/** Joins, keeps the identity, and writes agent.yaml. @throws {CommandError} */
export async function joinHost(
  options: {
    readonly managers: readonly string[];
    readonly token: string;
    readonly host: string;
    readonly address: string;
  },
  dirs: Dirs,
  context: CommandContext,
): Promise<void> {
  const { host, address } = options;
  await writeConfig(dirs.configDir, host, address);
  const identity = await request(options, context.signal);
  await saveHostIdentity(dirs.stateDir, identity);
  await mkdir(join(dirs.configDir, 'workloads.d'), { recursive: true });
  context.stdout.write(
    `This host is "${host}" (${address}) in the mesh ${identity.trustDomain} now; its key is in ${hostIdentityPath(dirs.stateDir)}.\n`,
  );
}

async function request(
  options: { readonly managers: readonly string[]; readonly token: string; readonly host: string },
  signal: AbortSignal,
): Promise<HostIdentity> {
  const [{ join: joinMesh, JoinError }, { loadWire }] = await Promise.all([
    import('../../agent/manager/join.ts'),
    import('../../manager/model/proto/wire.ts'),
  ]);
  try {
    return await joinMesh(loadWire(), options, signal);
  } catch (error) {
    if (error instanceof JoinError) throw new CommandError(messageOf(error), { cause: error });
    throw error;
  }
}

async function tokenOf(values: CommandArguments['values'], context: CommandContext): Promise<string> {
  const [token, file] = [values['token'], values['token-file']];
  if ((token === undefined) === (file === undefined))
    throw usageError(joinCommand, 'Give either --token or --token-file');
  if (token !== undefined) return String(token);
  return (file === '-' ? await context.stdin() : await readFile(String(file), 'utf8')).trim();
}

function withPort(manager: string): string {
  return /^(\[.*\]|[^:]+)$/.test(manager) ? `${manager}:15012` : manager;
}

/** The address from which this host reaches the Manager: the one that other hosts most likely reach it at. */
async function ownAddress(manager: string): Promise<string> {
  const { hostname: host, port } = new URL(`tcp://${manager}`);
  const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return socket.localAddress ?? '';
  } catch (error) {
    throw new CommandError(`Cannot reach the Manager at ${manager}: ${messageOf(error)}`, {
      next: 'isthmus status, on the Manager',
      cause: error,
    });
  } finally {
    socket.destroy();
  }
}

/** Writes agent.yaml unless it is there; one that is there must agree. */
async function writeConfig(folder: string, host: string, address: string): Promise<void> {
  const path = join(folder, 'agent.yaml');
  if ((await readIfThere(path)) === undefined) {
    const text = `# Written by isthmus join. All that can be said here: README.md, "The agent's file".\n${stringify({ host, address })}`;
    await writeAtomic(path, text, 0o644);
    return;
  }
  const config = await readConfigFile(folder, 'agent.yaml', fields => readAgentConfig(fields, [...kinds.keys()]));
  if (config.host !== host || config.address !== address)
    throw new CommandError(
      `${path} says that this host is "${config.host}" at ${config.address}, and you say "${host}" at ${address}`,
      { next: `--host ${config.host} --address ${config.address}, or change the file` },
    );
}
