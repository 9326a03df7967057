import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommandError } from '../../manager/cli/command.ts';
import { statusCommand as meshStatusCommand } from '../../manager/cli/status.ts';
import { showHost } from './agent-status.ts';
import { askAgent, envoyWithoutAgent, noAgent } from './ask-agent.ts';

/** Shows the mesh where a Manager can be asked; on a host without one, what its agent knows. */
export const statusCommand: Command = {
  ...meshStatusCommand,
  summary: 'Show the mesh, or on a host without a Manager this host, and everything that is wrong',
  async run(args, context) {
    const { values } = args;
    const runDir = String(values['run-dir']);
    if (values['manager'] !== undefined || existsSync(join(runDir, 'manager.sock')))
      return await meshStatusCommand.run(args, context);
    const status = await askAgent(runDir, context.signal);
    if (status !== undefined) return showHost(status, values, context);
    if ((await envoyWithoutAgent(runDir)) !== undefined) throw await noAgent(runDir);
    throw new CommandError(`Neither a Manager nor an agent runs here: ${runDir} has no socket of theirs`, {
      next: 'isthmus up, or isthmus agent, or --run-dir <its run directory>, or --manager https://<host>:15014',
    });
  },
};
