import { UnansweredError } from '../../agent/status/client.ts';
import { type Command, CommandError, EXIT, usageError } from '../../manager/cli/command.ts';
import { parseDuration } from '../../manager/config/duration.ts';
import { DIR_OPTIONS, dirsOf } from '../paths.ts';
import { supervisingUp } from '../up/parent.ts';
import { askAgent } from './ask-agent.ts';
import { daemonLogger } from './daemon.ts';

/** How long the agent may take to say which process it is, milliseconds. */
const ASK_MS = 5_000;

export const agentUninstallCommand: Command = {
  name: 'agent uninstall',
  summary: 'Take this host out of the mesh: every rule, process and file of the agent',
  usage: 'isthmus agent uninstall [--grace 10s]',
  examples: [
    {
      command: 'isthmus agent uninstall',
      says: 'traffic then goes as it went before; what you wrote in /etc/isthmus stays',
    },
    { command: 'isthmus agent uninstall --grace 0', says: 'cut connections that still go through Envoy' },
  ],
  options: {
    grace: { type: 'string', placeholder: 'time', default: '10s', summary: 'how long connections may go on' },
    ...DIR_OPTIONS,
  },
  endsInOrder: true,
  async run({ values }, { stdout, signal }) {
    const grace = String(values['grace']);
    const graceMs = parseDuration(grace);
    if (graceMs === undefined)
      throw usageError(agentUninstallCommand, `--grace must be a time such as 10s, not "${grace}"`);
    if (process.getuid?.() !== 0)
      throw new CommandError('Only root may take this host out of the mesh: its rules are the kernel’s', {
        next: 'the same as root',
      });
    const { configDir, ...dirs } = dirsOf(values);
    const { LingeringAgentError, uninstallAgent } = await import('../../agent/uninstall.ts');
    await refuseUnderUp(dirs.runDir, signal);
    const logger = await daemonLogger({ 'log-level': 'warn' });
    await uninstallAgent({ ...dirs, graceMs }, logger, signal).catch((cause: unknown) => {
      if (signal.aborted)
        throw new CommandError('This host is not yet out of the mesh as a whole', {
          next: 'isthmus agent uninstall, which finishes it',
          cause,
        });
      if (!(cause instanceof UnansweredError || cause instanceof LingeringAgentError)) throw cause;
      const kill = `kill -KILL${cause instanceof LingeringAgentError ? ` ${cause.pid}` : ''}`;
      throw new CommandError(`${cause.message}, so nothing was taken away`, {
        next: `end its process with ${kill}, or by stopping its service; then again: isthmus agent uninstall`,
        cause,
      });
    });
    stdout.write(`This host is out of the mesh. What you wrote stays in ${configDir}.\n`);
    return EXIT.ok;
  },
};

/** It would start the agent again, in a host that has no identity any more. */
async function refuseUnderUp(runDir: string, signal: AbortSignal): Promise<void> {
  // An agent that does not answer in time is for what follows to deal with.
  const status = await askAgent(runDir, signal, ASK_MS).catch(() => undefined);
  const up = status && (await supervisingUp(status.pid));
  if (up !== undefined)
    throw new CommandError(`isthmus up (process ${up}) starts the agent of this host again whenever it ends`, {
      next: `end that first (Ctrl-C there, or: kill ${up}); then again: isthmus agent uninstall`,
    });
}
