import { fileURLToPath } from 'node:url';
import { messageOf } from '../../manager/model/util/errors.ts';
import { createLogger } from '../../packaging/log/winston.ts';
import { BENCH_NEEDS, installMissing } from '../../packaging/setup/debian.ts';
import { prepareHost } from '../../packaging/setup/prepare.ts';
import { HELP, parseOptions } from './options.ts';
import { runSandboxed } from './sandbox.ts';

/** Installs what is missing, then measures inside a sandbox. Resolves to the exit code. */
async function bench(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const log = createLogger({ level: 'info', format: 'text', colour: false, stream: process.stderr });
  const found = await prepareHost(log, AbortSignal.timeout(300_000));
  installMissing(BENCH_NEEDS, line => log.info(line));
  const envoy = options.envoy === undefined ? ['--envoy', found] : [];
  return await runSandboxed(fileURLToPath(new URL('inside.ts', import.meta.url)), [...args, ...envoy]);
}

try {
  process.exitCode = await bench(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 2;
}
