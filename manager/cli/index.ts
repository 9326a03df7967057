import { applyCommand } from './apply.ts';
import type { Command } from './command.ts';
import { deleteCommand } from './delete.ts';
import { getCommand } from './get.ts';
import { hostsCommand } from './hosts.ts';
import { hostsRemoveCommand } from './hosts-remove.ts';
import { servicesCommand } from './services.ts';
import { statusCommand } from './status.ts';
import { tokenCreateCommand, tokenListCommand, tokenRevokeCommand } from './token.ts';
import { validateCommand } from './validate.ts';
import { workloadsCommand } from './workloads.ts';

/** The commands that speak to the Manager, or check what it would be told, in the order of help. */
export const managerCommands: readonly Command[] = [
  statusCommand,
  servicesCommand,
  hostsCommand,
  hostsRemoveCommand,
  workloadsCommand,
  applyCommand,
  getCommand,
  deleteCommand,
  validateCommand,
  tokenCreateCommand,
  tokenListCommand,
  tokenRevokeCommand,
];
