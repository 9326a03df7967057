import type { Command } from '../../manager/cli/command.ts';
import { managerCommands } from '../../manager/cli/index.ts';
import { completionCommand } from '../cli/completion.ts';
import { agentCommand } from './agent.ts';
import { agentStatusCommand } from './agent-status.ts';
import { agentUninstallCommand } from './agent-uninstall.ts';
import { demoCommand } from './demo.ts';
import { joinCommand } from './join.ts';
import { managerCommand } from './manager.ts';
import { statusCommand } from './status.ts';
import { upCommand } from './up.ts';
import { versionCommand } from './version.ts';

/** Every command of the executable, in the order of help: the only file that knows all roles. */
export const COMMANDS: readonly Command[] = [
  upCommand,
  managerCommand,
  agentCommand,
  joinCommand,
  // One of them knows only Managers; ours knows agents too.
  ...managerCommands.map(command => (command.name === statusCommand.name ? statusCommand : command)),
  agentStatusCommand,
  agentUninstallCommand,
  demoCommand,
  completionCommand(() => COMMANDS),
  versionCommand,
];
