import { join } from 'node:path';
import { type Command, EXIT, usageError } from '../../manager/cli/command.ts';
import { parseDuration } from '../../manager/config/duration.ts';
import { DIR_OPTIONS, dirsOf } from '../paths.ts';
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
    const { configDir, ...dirs } = dirsOf(values);
    const { uninstallAgent } = await import('../../agent/uninstall.ts');
    await refuseUnderUp(dirs.runDir, signal);
    const logger = await daemonLogger({ 'log-level': 'warn' });
    await uninstallAgent({ ...dirs, graceMs }, logger, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      throw new Error('This host is not yet out of the mesh as a whole; to finish: isthmus agent uninstall', {
        cause: error,
      });
    });
    stdout.write(`This host is out of the mesh. What you wrote stays in ${configDir}.\n`);
    return EXIT.ok;
  },
};

/** It would start the agent again, in a host that has no identity any more. */
async function refuseUnderUp(runDir: string, signal: AbortSignal): Promise<void> {
  const { askStatus } = await import('../../agent/status/client.ts');
  const { supervisingUp } = await import('../up/parent.ts');
  // An agent that does not answer in time is for what follows to deal with.
  const until = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]);
  const status = await askStatus(join(runDir, 'agent.sock'), until).catch(() => undefined);
  const up = status && (await supervisingUp(status.pid));
  if (up !== undefined)
    throw new Error(
      `isthmus up (process ${up}) starts the agent of this host again whenever it ends; end that first (Ctrl-C there, or: kill ${up}), then: isthmus agent uninstall`,
    );
}
