/** The executable: the only file that knows all roles. It makes the context of a command and passes on its exit code. */
import { text } from 'node:stream/consumers';
import { connectManager } from '../manager/cli/client.ts';
import type { CommandContext } from '../manager/cli/command.ts';
import { dispatch } from './cli/dispatch.ts';
import { COMMANDS } from './commands/index.ts';

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
  connect: connectManager,
  signal: stop.signal,
};

process.exitCode = await dispatch(COMMANDS, process.argv.slice(2), context);
