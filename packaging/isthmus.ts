/** The executable. It makes the context of a command and passes on its exit code. */
import { text } from 'node:stream/consumers';
import type { Command, CommandContext } from '../manager/cli/command.ts';
import { dispatch } from './cli/dispatch.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    stop.abort(new Error(`stopped by ${signal}`));
    // The first asks for an orderly end; the same again gets the usual one. (A terminal's Ctrl-C reaches the daemons of
    // `isthmus up` too, which then get SIGTERM from it: that is one wish, not two.)
  });
// A reader that left (`isthmus get … | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const context: CommandContext = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: () => text(process.stdin),
  isTTY: process.stdout.isTTY === true && !process.env['NO_COLOR'],
  columns: process.stdout.columns || 120,
  connect: address => ({
    request: async (...call) => (await import('../manager/cli/client.ts')).connectManager(address).request(...call),
  }),
  signal: stop.signal,
};

/** Every command; of an agent that starts the one alone, as calls wait for it while modules load. */
async function commandsFor([name, next = '-']: readonly string[]): Promise<readonly Command[]> {
  if (name === 'agent' && next.startsWith('-')) return [(await import('./commands/agent.ts')).agentCommand];
  return (await import('./commands/index.ts')).COMMANDS;
}

const words = process.argv.slice(2);
process.exitCode = await dispatch(await commandsFor(words), words, context);
