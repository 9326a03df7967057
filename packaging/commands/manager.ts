import { mkdir, readFile } from 'node:fs/promises';
import { authorityFromPem, authorityFromPkcs12, type GivenAuthority } from '../../auth/ca/given.ts';
import { type Command, CommandError, EXIT } from '../../manager/cli/command.ts';
import { ConfigError, messageOf } from '../../manager/model/util/errors.ts';
import { storeKinds } from '../../manager/store/index.ts';
import type { Store } from '../../manager/store/store.ts';
import { type CaFiles, readManagerConfig } from '../config/manager.ts';
import { dirsOf } from '../paths.ts';
import { DAEMON_OPTIONS, daemonLogger, readConfigFile } from './daemon.ts';
import { isthmusVersion } from './version.ts';

export const managerCommand: Command = {
  name: 'manager',
  summary: 'Run a Manager: registries, policy and certificates for all hosts',
  usage: 'isthmus manager [options]',
  examples: [
    { command: 'isthmus manager', says: 'on embedded parts, unless manager.yaml says otherwise' },
    { command: 'isthmus manager --log-level debug', says: 'see what it does' },
  ],
  options: DAEMON_OPTIONS,
  async run({ values }, { signal }) {
    const logger = await daemonLogger(values);
    const dirs = dirsOf(values);
    const config = await readConfigFile(dirs.configDir, 'manager.yaml', fields =>
      readManagerConfig(fields, dirs.configDir),
    );
    await mkdir(dirs.stateDir, { recursive: true, mode: 0o700 });
    await mkdir(dirs.runDir, { recursive: true, mode: 0o755 });
    const ca = config.ca && (await givenAuthority(config.ca));
    const store = await openStore(config.store, dirs.stateDir);
    try {
      const { runManager } = await import('../../manager/manager.ts');
      const { trustDomain, agents, api, registries } = config;
      const { stateDir, runDir } = dirs;
      await runManager(
        { trustDomain, agents, api, store, ...(ca && { ca }), registries, stateDir, runDir, version: isthmusVersion() },
        logger,
        signal,
      );
    } finally {
      await store.close();
    }
    return EXIT.ok;
  },
};

async function givenAuthority(files: CaFiles): Promise<GivenAuthority> {
  try {
    const passphrase = files.passphraseFile && (await readFile(files.passphraseFile, 'utf8')).trimEnd();
    if (files.kind === 'pkcs12') return await authorityFromPkcs12(await readFile(files.file), passphrase ?? '');
    return authorityFromPem(await readFile(files.certificate, 'utf8'), await readFile(files.key, 'utf8'), passphrase);
  } catch (error) {
    throw new CommandError(`The CA that manager.yaml names cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

async function openStore(
  { kind, settings }: { readonly kind: string; readonly settings: Readonly<Record<string, unknown>> },
  stateDir: string,
): Promise<Store> {
  try {
    return await storeKinds.get(kind)!.open(settings, 'store', stateDir);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(messageOf(error), { cause: error });
    throw error;
  }
}
