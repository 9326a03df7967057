import { once } from 'node:events';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { parseToken, tokenCommand } from '../../auth/token.ts';
import {
  type Command,
  type CommandArguments,
  type CommandContext,
  CommandError,
  EXIT,
  usageError,
} from '../../manager/cli/command.ts';
import { OUTPUT_OPTION, textOf } from '../../manager/cli/options.ts';
import { print } from '../../manager/cli/output.ts';
import { readText } from '../../manager/cli/read-text.ts';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import { DIR_OPTIONS, placedDirs } from '../paths.ts';
import { planAgentFile } from './agent-file.ts';
import { askAgent } from './ask-agent.ts';
import { type Joined, joinHost } from './join-host.ts';

const { 'config-dir': configDir, 'state-dir': stateDir, 'run-dir': runDir } = DIR_OPTIONS;
const CONNECT_MS = 10_000;
/** How long an agent that runs may take to say so, milliseconds. */
const ASK_MS = 2_000;

export const joinCommand: Command = {
  name: 'join',
  summary: 'Make this host a member of a mesh, with a token from its Manager',
  usage: 'isthmus join <manager>[:15012] --token <token> [--host name] [--address ip] [-o json]',
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
    {
      command: 'isthmus join 10.0.0.1 --token-file token -o json',
      says: 'its name, address, trust domain and files, for a script',
    },
  ],
  options: {
    token: { type: 'string', placeholder: 'token', summary: 'the join token' },
    'token-file': { type: 'string', placeholder: 'file', summary: 'read the token from a file; "-" is standard input' },
    ...hostOptions('where it reaches the Manager from'),
    ...OUTPUT_OPTION,
    ...(configDir && stateDir && runDir && { 'config-dir': configDir, 'state-dir': stateDir, 'run-dir': runDir }),
  },
  positionals: { minimum: 1, maximum: 8 },
  // Between the Manager's yes and the key's being kept, an end would cost the token.
  endsInOrder: true,
  async run({ values, positionals }, context) {
    const managers = positionals.map(managerAddress);
    const token = await tokenOf(values, context);
    const dirs = await placedDirs(values);
    const file = await planAgentFile(dirs.configDir, factsOf(values), {
      host: ownName(),
      address: () => ownAddress(managers[0]!, context.signal),
    });
    const joined = await joinHost({ managers, token, file }, dirs, context.signal);
    // One that does not answer runs too, but that is for its own status to tell.
    const agent = await askAgent(dirs.runDir, context.signal, ASK_MS).catch(() => undefined);
    print(context, values, joined, () => `${joinedText(joined)}Next: ${nextStep(joined, agent?.pid)}\n`);
    return EXIT.ok;
  },
};

/** @param agent process of the agent that runs. */
function nextStep({ workloadsDir }: Joined, agent: number | undefined): string {
  if (agent === undefined) return `name its workloads in ${workloadsDir}/*.yaml, and run: isthmus agent`;
  return `start its agent (process ${agent}) anew: the Manager refuses the certificate from before, with which it goes on`;
}

async function tokenOf(values: CommandArguments['values'], context: CommandContext): Promise<string> {
  const [token, file] = [values['token'], values['token-file']];
  if ((token === undefined) === (file === undefined))
    throw usageError(joinCommand, 'Give either --token or --token-file');
  const text = token ?? (file === '-' ? await context.stdin() : await readText(String(file), context.signal));
  // Before anything is connected to: what follows may fail of other things first.
  if (parseToken(String(text)) !== undefined) return String(text).trim();
  const from = token !== undefined ? '--token' : file === '-' ? 'standard input' : String(file);
  throw new CommandError(`What ${from} says is no join token; one begins with "isthmus1.", and is of one line`, {
    next: `on the Manager: ${tokenCommand()}`,
  });
}

/** Options that say what a host is. @param otherwise its address where neither they nor agent.yaml say it. */
export function hostOptions(otherwise: string): Command['options'] {
  return {
    host: {
      type: 'string',
      placeholder: 'name',
      summary: 'this host’s name in the mesh (default: what agent.yaml says, else its host name)',
    },
    address: {
      type: 'string',
      placeholder: 'ip',
      summary: `where other hosts reach this one (default: what agent.yaml says, else ${otherwise})`,
    },
  };
}

/** What these options say. */
export function factsOf(values: CommandArguments['values']): { readonly host?: string; readonly address?: string } {
  const [host, address] = [textOf(values, 'host')?.toLowerCase(), textOf(values, 'address')];
  return { ...(host !== undefined && { host }), ...(address !== undefined && { address }) };
}

/** The name that a host has unless it is told another. */
export function ownName(): string {
  return hostname().split('.')[0]!.toLowerCase();
}

/** One sentence for people. */
export function joinedText({ host, address, trustDomain, identityFile }: Joined): string {
  return `This host is "${host}" (${address}) in the mesh ${trustDomain} now; its key is in ${identityFile}.\n`;
}

/** With its port. It is kept for the agent, who could do nothing with one that is wrong. @throws {CommandError} */
function managerAddress(manager: string): string {
  const address = /^(\[.*\]|[^:]+)$/.test(manager) ? `${manager}:15012` : manager;
  if (/^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+):[1-9]\d*$/i.test(address) && URL.canParse(`tcp://${address}`)) return address;
  throw usageError(
    joinCommand,
    `"${manager}" is no address of a Manager; try 10.0.0.1, 10.0.0.1:15012 or [fd00::1]:15012`,
  );
}

/** The address from which this host reaches the Manager: the one that other hosts most likely reach it at. @throws {CommandError} */
async function ownAddress(manager: string, signal: AbortSignal): Promise<string> {
  const { hostname: host, port } = new URL(`tcp://${manager}`);
  const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) });
  const limit = AbortSignal.timeout(CONNECT_MS);
  try {
    await once(socket, 'connect', { signal: AbortSignal.any([signal, limit]) });
    return socket.localAddress ?? '';
  } catch (cause) {
    if (signal.aborted) throw new CommandError('Stopped', { cause });
    throw unreached(manager, limit.aborted ? new Error(`no answer within ${CONNECT_MS / 1000} s`) : cause);
  } finally {
    socket.destroy();
  }
}

/** Why no Manager could be asked, and what may help. */
export function unreached(manager: string, cause: unknown): CommandError {
  const why = messageOf(cause);
  if (['ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(cause) ?? ''))
    return new CommandError(`Cannot find the Manager: the name in ${manager} is not known here: ${why}`, {
      next: 'its IP address; or give it that name in DNS or in /etc/hosts',
      cause,
    });
  return new CommandError(`Cannot reach the Manager at ${manager}: ${why}`, {
    next: 'isthmus status, on the Manager; and what a firewall between lets through',
    cause,
  });
}
