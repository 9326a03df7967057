import { chmod, chown, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../../manager/model/util/errors.ts';
import { writeAtomic } from '../../manager/model/util/files.ts';
import type { EnvoyProcessOptions } from './process-options.ts';

/** Writes Envoy's first config; makes folders with their rights: only Envoy's user may enter its own, and it must pass through those on its way. */
export async function prepareFolders(
  options: Pick<EnvoyProcessOptions, 'paths' | 'uid' | 'gid' | 'bootstrap'>,
): Promise<void> {
  const { paths, uid, gid } = options;
  for (const folder of [dirname(paths.own), dirname(paths.program)]) {
    await mkdir(folder, { recursive: true });
    await chmod(folder, (await stat(folder)).mode | 0o111);
  }
  await mkdir(paths.own, { recursive: true, mode: 0o711 });
  if (process.getuid?.() === 0) await chown(paths.own, uid, gid);
  await chmod(paths.own, 0o700);
  const bootstrap = JSON.stringify(options.bootstrap);
  await writeAtomic(paths.bootstrap, bootstrap, 0o644).catch((cause: unknown) => {
    throw new Error(`cannot write ${paths.bootstrap}: ${messageOf(cause)}`, { cause });
  });
}
