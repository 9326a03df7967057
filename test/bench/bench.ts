import { fileURLToPath } from 'node:url';
import { messageOf } from '../../manager/model/util/errors.ts';
import { HELP, parseOptions } from './options.ts';
import { runSandboxed } from './sandbox.ts';

const args = process.argv.slice(2);
try {
  if (parseOptions(args) === undefined) process.stdout.write(HELP);
  else process.exitCode = await runSandboxed(fileURLToPath(new URL('inside.ts', import.meta.url)), args);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 2;
}
