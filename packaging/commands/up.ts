import { networkInterfaces } from 'node:os';
import { loadHostIdentity } from '../../agent/keys/host-identity.ts';
import type { MeshStatus } from '../../manager/api/mesh-status.ts';
import type { ManagerClient } from '../../manager/cli/client.ts';
import {
  type Command,
  type CommandArguments,
  type CommandContext,
  CommandError,
  EXIT,
} from '../../manager/cli/command.ts';
import { withPort } from '../../manager/model/util/address.ts';
import { systemClock } from '../../manager/model/util/clock.ts';
import type { AgentConfig } from '../config/agent.ts';
import { readManagerConfig } from '../config/manager.ts';
import { type Dirs, placedDirs } from '../paths.ts';
import { whyNoHosts } from '../setup/preflight.ts';
import { prepareHost } from '../setup/prepare.ts';
import { supervise } from '../up/supervise.ts';
import { type AgentFile, planAgentFile, readAgentFile } from './agent-file.ts';
import { askAgent } from './ask-agent.ts';
import { DAEMON_OPTIONS, daemonLogger, readConfigFile } from './daemon.ts';
import { factsOf, hostOptions, joinedText, ownName } from './join.ts';
import { joinHost } from './join-host.ts';

const ISTHMUS = new URL('../bin/isthmus', import.meta.url).pathname;
/** The Manager makes its CA at the first start. Milliseconds. */
const MANAGER_LIMIT_MS = 30_000;
const LOOK_MS = 50;
/** How long what runs here already may take to say so. Milliseconds. */
const LOOK_LIMIT_MS = 2_000;
const TOKEN_TTL_MS = 60_000;

export const upCommand: Command = {
  name: 'up',
  summary: 'Run every role on this host, on embedded parts: Manager, agent, Envoy',
  usage: 'isthmus up [--address ip] [options]',
  examples: [
    { command: 'isthmus up', says: 'a mesh of one host; more hosts join it with isthmus join' },
    { command: 'isthmus up --address 192.0.2.7', says: 'other hosts will reach this one there' },
  ],
  options: {
    ...DAEMON_OPTIONS,
    ...hostOptions('its first address'),
  },
  endsInOrder: true,
  async run({ values }, context) {
    const logger = await daemonLogger(values);
    const dirs = await placedDirs(values);
    await noOtherRuns(context, dirs);
    const lack = await whyNoHosts(async () => {
      // What is wrong with it is said before anything runs: an agent that fails of it would be started again and again.
      const { envoy } = await agentConfig(values, dirs);
      await prepareHost(logger, context.signal, envoy.path);
    });
    if (lack !== undefined) throw new CommandError(`isthmus up cannot run here. ${lack}`);
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, over.signal]);
    const daemon = (name: string): Promise<void> =>
      supervise({ name, argv: [ISTHMUS, name, ...flagsOf(values)], logger }, signal);
    const manager = daemon('manager');
    try {
      await Promise.race([manager, managerAnswers(context, dirs)]);
      if (!signal.aborted) await joinOnce(values, dirs, context);
      await Promise.all([manager, daemon('agent')]);
    } finally {
      over.abort();
      await manager.catch(() => undefined);
    }
    return EXIT.ok;
  },
};

/** The daemons of a second one would end at once, and be started again for ever. @throws {CommandError} */
async function noOtherRuns({ connect, signal }: CommandContext, { runDir }: Dirs): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_LIMIT_MS)]);
  const runs = [
    connect({ runDir })
      .request({ path: '/isthmus/v1/status' }, limit)
      .then(({ body }) => managerOf(body as Partial<MeshStatus> | undefined)),
    askAgent(runDir, limit).then(status => status && `An agent, process ${status.pid},`),
  ];
  for (const what of await Promise.all(runs.map(run => run.catch(() => undefined))))
    if (what !== undefined)
      throw new CommandError(`${what} runs on this host already; isthmus up starts both itself`, {
        next: 'isthmus status; or end what runs first',
      });
}

/** Whoever is to end it has to know which process it is. An older one does not say. */
function managerOf(status: Partial<MeshStatus> | undefined): string {
  const pid = status?.manager?.pid;
  return pid === undefined ? 'A Manager' : `A Manager, process ${pid},`;
}

/** What both daemons are told. */
function flagsOf(values: CommandArguments['values']): string[] {
  return Object.keys(DAEMON_OPTIONS).flatMap(name =>
    values[name] === undefined ? [] : [`--${name}`, String(values[name])],
  );
}

/** Resolves once the Manager's socket answers. @throws {CommandError} */
async function managerAnswers({ connect, signal }: CommandContext, { runDir }: Dirs): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(MANAGER_LIMIT_MS)]);
  for (;;) {
    try {
      await connect({ runDir }).request({ path: '/isthmus/v1/status' }, limit);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (limit.aborted) throw new CommandError('The Manager did not come up within 30 s: see above', { cause: error });
      await systemClock.sleep(LOOK_MS, limit).catch(() => undefined);
    }
  }
}

/** As it is, or as it will be once this host has joined. @throws {CommandError} */
async function agentConfig(values: CommandArguments['values'], dirs: Dirs): Promise<AgentConfig> {
  return (await loadHostIdentity(dirs.stateDir))
    ? await readAgentFile(dirs.configDir)
    : (await planned(values, dirs)).config;
}

function planned(values: CommandArguments['values'], dirs: Dirs): Promise<AgentFile> {
  return planAgentFile(dirs.configDir, factsOf(values), { host: ownName(), address: firstAddress });
}

/** Joins this host with a token of its own, unless it has joined before. */
async function joinOnce(values: CommandArguments['values'], dirs: Dirs, context: CommandContext): Promise<void> {
  if (await loadHostIdentity(dirs.stateDir)) return;
  const file = await planned(values, dirs);
  const token = await makeToken(context.connect({ runDir: dirs.runDir }), file.config.host, context.signal);
  const { agents } = await readConfigFile(dirs.configDir, 'manager.yaml', fields =>
    readManagerConfig(fields, dirs.configDir),
  );
  const at = agents.address === '::' || agents.address === '0.0.0.0' ? '127.0.0.1' : agents.address;
  const managers = [withPort(at, agents.port)];
  context.stdout.write(joinedText(await joinHost({ managers, token, file }, dirs, context.signal)));
}

async function makeToken(manager: ManagerClient, host: string, signal: AbortSignal): Promise<string> {
  const body = { host, identities: ['*/*'], ttlMs: TOKEN_TTL_MS };
  const answer = await manager.request({ method: 'POST', path: '/isthmus/v1/tokens', body }, signal);
  const { token } = answer.body as { token?: string };
  if (answer.status === 201 && token !== undefined) return token;
  throw new CommandError(`The Manager gave no join token: ${JSON.stringify(answer.body)}`);
}

/** An address that is not loopback; loopback where there is no other: then no other host can reach this one. */
function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? []);
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
}
