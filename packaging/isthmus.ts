/** The executable. It makes the context of a command and passes on its exit code. */
import { type Command, type CommandContext, EXIT } from '../manager/cli/command.ts';
import { messageOf } from '../manager/model/util/errors.ts';
import { dispatch, findCommand } from './cli/dispatch.ts';

/** How long what is no daemon may go on after a signal, milliseconds. */
const END_MS = 1_500;

/** How long a process may go on once its command has ended, milliseconds. */
const LINGER_MS = 1_000;

/** Whether a signal leaves the end to the command; so until the command is known. */
let endsInOrder = true;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    stop.abort(new Error(`stopped by ${signal}`));
    // The first asks for an orderly end; the same again gets the usual one. (A terminal's Ctrl-C reaches the daemons of
    // `isthmus up` too, which then get SIGTERM from it: that is one wish, not two.)
    // A thread that waits, as for the address of a name, would hold even process.exit.
    setTimeout(() => endsInOrder || process.kill(process.pid, signal), END_MS).unref();
  });
let isWritten = true;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that left (`isthmus get … | head`) is no failure of ours.
  if (error.code === 'EPIPE') return;
  if (isWritten) process.stderr.write(`Cannot write to standard output: ${messageOf(error)}\n`);
  isWritten = false;
  process.exitCode = EXIT.failed;
});

const context: CommandContext = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: async () =>
    (await import('../manager/cli/read-text.ts')).readStream(process.stdin, 'standard input', stop.signal),
  isTTY: process.stdout.isTTY === true,
  colour: process.stdout.isTTY === true && !process.env['NO_COLOR'],
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
const commands = await commandsFor(words);
endsInOrder = findCommand(commands, words)?.endsInOrder === true;
const exitCode = await dispatch(commands, words, context);
process.exitCode = isWritten ? exitCode : EXIT.failed;
// What a library holds on to must not keep the process, such as a connection that came while its server shut down.
setTimeout(() => process.exit(), LINGER_MS).unref();
