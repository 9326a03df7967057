import { hostname } from 'node:os';
import { join } from 'node:path';
import { ENVOY_VERSION } from '../../agent/envoy/binary.ts';
import { loadHostIdentity } from '../../agent/keys/host-identity.ts';
import type { AgentOptions } from '../../agent/options.ts';
import { tokenCommand } from '../../auth/token.ts';
import { type Command, CommandError, EXIT } from '../../manager/cli/command.ts';
import { ConfigError, messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { kinds } from '../../platforms/index.ts';
import type { Platform } from '../../platforms/platform.ts';
import type { AgentConfig } from '../config/agent.ts';
import { type Dirs, placedDirs } from '../paths.ts';
import { whyNoAgent } from '../setup/preflight.ts';
import { prepareEnvoy } from '../setup/prepare.ts';
import { readAgentFile } from './agent-file.ts';
import { DAEMON_OPTIONS, daemonLogger, keepCompiled } from './daemon.ts';
import { isthmusVersion } from './version.ts';

export const agentCommand: Command = {
  name: 'agent',
  summary: 'Run this host’s agent: its workloads, their traffic, its Envoy',
  usage: 'isthmus agent [options]',
  examples: [
    { command: 'isthmus agent', says: 'after isthmus join; as root' },
    { command: 'isthmus agent --log-level debug', says: 'see what it does' },
  ],
  options: DAEMON_OPTIONS,
  endsInOrder: true,
  async run({ values }, { signal }) {
    const logger = await daemonLogger(values);
    const over = new AbortController();
    try {
      const until = AbortSignal.any([signal, over.signal]);
      const given = placedDirs(values).then(dirs => agentOptions(dirs, logger, until));
      // Calls wait for an agent that starts: while other processes try the kernel and check Envoy, this one loads modules.
      const modules = given.then(() => import('../../agent/agent.ts'));
      const [options, { runAgent }] = await Promise.all([given, modules, mayRunHere()]);
      keepCompiled();
      await Promise.all([runAgent(options, logger, until), options.envoy.binary]);
    } finally {
      over.abort();
    }
    return EXIT.ok;
  },
};

/** @throws {CommandError} that says why traffic cannot be captured on this machine. */
async function mayRunHere(): Promise<void> {
  const lack = await whyNoAgent();
  if (lack !== undefined) throw new CommandError(`The agent cannot run here. ${lack}`);
}

/** Everything that the agent needs, from its files and this machine. @throws {CommandError} */
async function agentOptions(dirs: Dirs, logger: Logger, signal: AbortSignal): Promise<AgentOptions> {
  const identity = await loadHostIdentity(dirs.stateDir).catch((error: unknown) => {
    throw error instanceof ConfigError ? new CommandError(messageOf(error), { cause: error }) : error;
  });
  if (identity === undefined)
    throw new CommandError(`This host (${hostname()}) has not joined a mesh: ${dirs.stateDir} holds no identity`, {
      next: `on the Manager: ${tokenCommand()}; then here: isthmus join <manager>:15012 --token <token>`,
    });
  const config = await readAgentFile(dirs.configDir);
  if (config.host !== identity.host)
    throw new CommandError(
      `${join(dirs.configDir, 'agent.yaml')} says that this host is "${config.host}", but it joined as "${identity.host}"`,
      { next: `host: ${identity.host}, or join again` },
    );
  const { host: name, address, tunnelPort, network, locality } = config;
  const { path, ...envoy } = config.envoy;
  const binary = prepareEnvoy(logger, signal, path);
  // Whoever waits for it is told.
  binary.catch(() => undefined);
  return {
    host: { name, address, tunnelPort, network, locality },
    identity,
    stateDir: dirs.stateDir,
    runDir: dirs.runDir,
    platforms: platformsOf(config, dirs.configDir),
    envoy: { ...envoy, binary, version: ENVOY_VERSION },
    version: isthmusVersion(),
  };
}

/** @throws {ConfigError} */
function platformsOf(config: AgentConfig, configDir: string): Platform[] {
  const host = { name: config.host, configDir };
  return config.platforms.map(({ kind, settings }, index) =>
    kinds.get(kind)!.create(settings, `platforms[${index}]`, host),
  );
}
