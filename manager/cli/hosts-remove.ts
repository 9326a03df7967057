import type { RemovedHost } from '../api/host-removal.ts';
import { asker, refusal } from './ask.ts';
import { type Command, CommandError, EXIT } from './command.ts';
import { CONNECTION_OPTIONS, OUTPUT_OPTION } from './options.ts';
import { print } from './output.ts';

/** Takes a host out of the mesh. */
export const hostsRemoveCommand: Command = {
  name: 'hosts remove',
  summary: 'Take a host out of the mesh: its certificates are refused until it joins anew with a token',
  usage: 'isthmus hosts remove <name> [--force]',
  examples: [
    { command: 'isthmus hosts remove vm-7', says: 'one that is gone, or whose agent was uninstalled' },
    {
      command: 'isthmus hosts remove vm-7 --force',
      says: 'one that is connected, such as a host that was broken into',
    },
  ],
  options: {
    force: { type: 'boolean', summary: 'also when it is connected' },
    ...OUTPUT_OPTION,
    ...CONNECTION_OPTIONS,
  },
  positionals: { minimum: 1, maximum: 1 },
  async run({ values, positionals: [name = ''] }, context) {
    const query = values['force'] === true ? '?force=true' : '';
    const path = `/isthmus/v1/hosts/${encodeURIComponent(name)}${query}`;
    const answer = await asker(values, context)({ method: 'DELETE', path });
    if (answer.status === 409)
      throw new CommandError(refusal(answer).message, {
        next: `isthmus agent uninstall, on ${name}; or isthmus hosts remove ${name} --force`,
      });
    if (answer.status === 404) throw new CommandError(refusal(answer).message, { next: 'isthmus hosts' });
    if (answer.status >= 400) throw refusal(answer);
    const removed = answer.body as RemovedHost;
    print(context, values, removed, () => removedText(removed));
    return EXIT.ok;
  },
};

function removedText({ name, workloads, stillListed, tokens, certificatesEnd }: RemovedHost): string {
  return [
    `${name} removed${workloads.length === 0 ? '' : `, with ${workloads.join(', ')}`}\n`,
    ...stillListed.map(
      hostname => `${hostname} is still listed there by a registry: callers dial it directly now, without mTLS\n`,
    ),
    ...tokens.map(id => `The join token ${id} names it and is still good. Try: isthmus token revoke ${id}\n`),
    `Other hosts accept the certificates of its workloads until they end, ${new Date(certificatesEnd).toISOString()} at the latest\n`,
  ].join('');
}
