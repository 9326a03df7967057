import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type HostIdentity, hostIdentityPath, saveHostIdentity } from '../../agent/keys/host-identity.ts';
import { tokenCommand } from '../../auth/token.ts';
import { CommandError } from '../../manager/cli/command.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { writeAtomic } from '../../manager/model/util/files.ts';
import type { Dirs } from '../paths.ts';
import type { AgentFile } from './agent-file.ts';

/** What became of a join. */
export interface Joined {
  readonly host: string;
  readonly address: string;
  readonly trustDomain: string;
  /** Addresses of Managers. */
  readonly managers: readonly string[];
  /** Where the host's key is. */
  readonly identityFile: string;
  readonly configFile: string;
  /** Where workloads are named. */
  readonly workloadsDir: string;
}

/**
 * Joins, keeps the identity, and writes `agent.yaml`. The token is used only when all else is right, and no file is written before the
 * Manager took the host in.
 * @throws {CommandError}
 */
export async function joinHost(
  { managers, token, file }: { readonly managers: readonly string[]; readonly token: string; readonly file: AgentFile },
  dirs: Dirs,
  signal: AbortSignal,
): Promise<Joined> {
  const { host, address } = file.config;
  const [identityFile, workloadsDir] = [hostIdentityPath(dirs.stateDir), join(dirs.configDir, 'workloads.d')];
  await mayWrite(dirname(identityFile), '--state-dir');
  if (file.text !== undefined) await mayWrite(dirs.configDir, '--config-dir');
  await makeFolder(workloadsDir, '--config-dir');
  const identity = await request({ managers, token, host }, signal);
  await keep(dirs.stateDir, identity);
  await write(file);
  return {
    host,
    address,
    trustDomain: identity.trustDomain,
    managers,
    identityFile,
    configFile: file.path,
    workloadsDir,
  };
}

/** @throws {CommandError} */
async function mayWrite(folder: string, option: string): Promise<void> {
  await makeFolder(folder, option, 0o700);
  await access(folder, constants.W_OK).catch(cause => unwritable(folder, option, cause));
}

/** @throws {CommandError} */
async function makeFolder(folder: string, option: string, mode = 0o755): Promise<void> {
  await mkdir(folder, { recursive: true, mode }).catch(cause => unwritable(folder, option, cause));
}

function unwritable(folder: string, option: string, cause: unknown): never {
  throw new CommandError(`Cannot write to ${folder}, so the token was not used: ${messageOf(cause)}`, {
    next: `as root, or with another ${option}`,
    cause,
  });
}

async function request(
  options: { readonly managers: readonly string[]; readonly token: string; readonly host: string },
  signal: AbortSignal,
): Promise<HostIdentity> {
  const [{ join: joinMesh, JoinError }, { loadWire }] = await Promise.all([
    import('../../agent/manager/join.ts'),
    import('../../manager/model/proto/wire.ts'),
  ]);
  try {
    return await joinMesh(loadWire(), options, signal);
  } catch (error) {
    if (error instanceof JoinError) throw new CommandError(messageOf(error), { cause: error });
    throw error;
  }
}

/** @throws {CommandError} */
async function keep(stateDir: string, identity: HostIdentity): Promise<void> {
  try {
    await saveHostIdentity(stateDir, identity);
  } catch (cause) {
    throw new CommandError(
      `The Manager took "${identity.host}" in, so the token is used up, but the key cannot be kept in ${hostIdentityPath(stateDir)}: ${messageOf(cause)}`,
      {
        next: `mend that, then join with a new token: ${tokenCommand(identity.host)}`,
        cause,
      },
    );
  }
}

/** @throws {CommandError} */
async function write({ path, text, config }: AgentFile): Promise<void> {
  try {
    if (text !== undefined) await writeAtomic(path, text, 0o644);
  } catch (cause) {
    throw new CommandError(
      `This host has joined as "${config.host}", and its key is kept, but ${path} cannot be written: ${messageOf(cause)}`,
      {
        next: `write into it "host: ${config.host}" and "address: ${config.address}", a line each; no new token is needed`,
        cause,
      },
    );
  }
}
