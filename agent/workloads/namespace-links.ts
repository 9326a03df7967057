import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../manager/model/util/errors.ts';
import type { LocalWorkload } from '../../platforms/platform.ts';
import { namespaceAt } from '../redirect/table.ts';

/**
 * Keeps a link to each of the network namespaces  of all workloads, named by its id. A container that is started again has another
 * namespace under the same path; Envoy tells sockets apart by their paths, and without a new one would stay in the namespace that is gone.
 * A link, unlike a mount, keeps no namespace alive, and every process sees it. One goes when its namespace is gone.
 */
export async function linkNamespaces(folder: string, workloads: readonly LocalWorkload[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const id of await readdir(folder)) {
    if (namespaceAt(join(folder, id)) !== id) await rm(join(folder, id), { force: true });
  }
  for (const { selector } of workloads) {
    if (selector.kind !== 'namespace') continue;
    await symlink(selector.path, join(folder, selector.id)).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
}
