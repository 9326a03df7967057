import { mkdir, readFile } from 'node:fs/promises';
import { AuthorityError, authorityFromPem, authorityFromPkcs12, type GivenAuthority } from '../../auth/ca/given.ts';
import { type Command, CommandError, EXIT } from '../../manager/cli/command.ts';
import { readText } from '../../manager/cli/read-text.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { storeKinds } from '../../manager/store/index.ts';
import { type CaFiles, readManagerConfig } from '../config/manager.ts';
import { placedDirs } from '../paths.ts';
import { DAEMON_OPTIONS, daemonLogger, keepCompiled, readConfigFile } from './daemon.ts';
import { isthmusVersion } from './version.ts';

export const managerCommand: Command = {
  name: 'manager',
  summary: 'Run a Manager: it joins what registries know and tells the hosts',
  usage: 'isthmus manager [options]',
  examples: [
    { command: 'isthmus manager', says: 'on embedded parts, or as /etc/isthmus/manager.yaml says' },
    {
      command: 'isthmus manager --config-dir ./etc --state-dir ./lib --run-dir ./run',
      says: 'with all its files in one place, to try things',
    },
  ],
  options: DAEMON_OPTIONS,
  endsInOrder: true,
  async run({ values }, { signal }) {
    const { configDir, stateDir, runDir } = await placedDirs(values);
    const { ca, store, servicesFolder, ...config } = await readConfigFile(configDir, 'manager.yaml', fields =>
      readManagerConfig(fields, configDir),
    );
    const logger = await daemonLogger(values);
    const given = ca && (await readAuthority(ca, signal));
    if (servicesFolder !== undefined) await mkdir(servicesFolder, { recursive: true });
    const { runManager } = await import('../../manager/manager.ts');
    keepCompiled();
    const open = await storeKinds.get(store.kind)!.open(store.settings, 'store', stateDir);
    try {
      const options = {
        ...config,
        ...(given && { ca: given }),
        store: open,
        stateDir,
        runDir,
        version: isthmusVersion(),
      };
      await runManager(options, logger, signal);
    } finally {
      await open.close();
    }
    return EXIT.ok;
  },
};

/** What is text may come by a named pipe. @throws {CommandError} */
async function readAuthority(ca: CaFiles, signal: AbortSignal): Promise<GivenAuthority> {
  try {
    const passphrase = ca.passphraseFile && (await readText(ca.passphraseFile, signal)).trimEnd();
    if (ca.kind === 'pkcs12') return await authorityFromPkcs12(await readFile(ca.file, { signal }), passphrase ?? '');
    const [certificate, key] = await Promise.all([readText(ca.certificate, signal), readText(ca.key, signal)]);
    return authorityFromPem(certificate, key, passphrase);
  } catch (error) {
    throw new CommandError(whyNoCa(error), { next: 'the entry "ca" of manager.yaml', cause: error });
  }
}

function whyNoCa(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  return error instanceof AuthorityError ? messageOf(error) : `Cannot read the CA: ${messageOf(error)}`;
}
