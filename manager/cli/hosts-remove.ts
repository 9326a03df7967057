import type { RemovedHost } from '../api/host-removal.ts';
import { asker, refusal } from './ask.ts';
import { type Command, CommandError, EXIT } from './command.ts';
import { CONNECTION_OPTIONS, TIMED_OUTPUT_OPTION } from './options.ts';
import { print } from './output.ts';

/** Takes a host out of the mesh. */
export const hostsRemoveCommand: Command = {
  name: 'hosts remove',
  summary: 'Take a host out of the mesh: its certificates are refused until it joins anew with a token',
  usage: 'isthmus hosts remove <name> [--force] [--direct]',
  examples: [
    { command: 'isthmus hosts remove vm-7', says: 'one that is gone, or whose agent was uninstalled' },
    {
      command: 'isthmus hosts remove vm-7 --force',
      says: 'one that is connected, such as a host that was broken into',
    },
    {
      command: 'isthmus hosts remove vm-7 --direct',
      says: 'one that left the mesh and whose programs stay: what registries list there is called without mTLS',
    },
  ],
  options: {
    force: { type: 'boolean', summary: 'also when it is connected' },
    direct: { type: 'boolean', summary: 'have what registries still list there called directly, without mTLS' },
    ...TIMED_OUTPUT_OPTION,
    ...CONNECTION_OPTIONS,
  },
  positionals: { minimum: 1, maximum: 1 },
  async run({ values, positionals: [name = ''] }, context) {
    const flags = ['force', 'direct'].filter(flag => values[flag] === true).map(flag => `${flag}=true`);
    const path = `/isthmus/v1/hosts/${encodeURIComponent(name)}?${flags.join('&')}`;
    const answer = await asker(values, context)({ method: 'DELETE', path });
    if (answer.status === 409)
      throw new CommandError(
        `Host "${name}" is connected: stop its agent first, or remove it all the same with --force`,
        {
          next: `isthmus agent uninstall, on ${name}; or isthmus hosts remove ${name} --force`,
        },
      );
    if (answer.status === 404) throw new CommandError(refusal(answer).message, { next: 'isthmus hosts' });
    if (answer.status >= 400) throw refusal(answer);
    const removed = answer.body as RemovedHost;
    print(context, values, removed, () => removedText(removed));
    return EXIT.ok;
  },
};

function removedText({ name, already, workloads, stillListed, direct, tokens, certificatesEnd }: RemovedHost): string {
  const what = already
    ? 'was removed before'
    : `removed${workloads.length === 0 ? '' : `, with ${workloads.join(', ')}`}`;
  const ends = new Date(certificatesEnd).toISOString();
  return [
    `${name} ${what}\n`,
    ...stillListed.map(
      hostname =>
        `${hostname} is still listed there by a registry: ${direct ? 'callers dial it directly now, without mTLS' : `it is not called; ${wayBack(name)}`}\n`,
    ),
    ...tokens.map(id => `The join token ${id} names it and is still good. Try: isthmus token revoke ${id}\n`),
    ...(already
      ? []
      : [`Other hosts accept the certificates of its workloads until they end, ${ends} at the latest\n`]),
  ].join('');
}

/** What makes instances on a removed host be called again, or forgotten. */
export function wayBack(host: string): string {
  return `take it out of the registry, have ${host} join again, or, to have it called without mTLS: isthmus hosts remove ${host} --direct`;
}
