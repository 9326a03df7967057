import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import type { LocalWorkload } from '../../platforms/platform.ts';
import type { Problem } from '../compile/input.ts';
import { namespaceAt } from '../redirect/table.ts';

/**
 * Keeps a link to each of the network namespaces of all workloads, named by its id. A container that is started again has another
 * namespace under the same path; Envoy tells sockets apart by their paths, and without a new one would stay in the namespace that is gone.
 * A link, unlike a mount, keeps no namespace alive, and every process sees it. One goes when its namespace is gone.
 * @returns the workloads whose namespaces cannot be linked, and why: Envoy refuses what is meant for them.
 */
export async function linkNamespaces(folder: string, workloads: readonly LocalWorkload[]): Promise<readonly Problem[]> {
  // Who is in need of what fails here is told by its link.
  await mkdir(folder, { recursive: true, mode: 0o755 }).catch(() => undefined);
  for (const id of await readdir(folder).catch(() => [])) await tidy(join(folder, id), id).catch(() => undefined);
  const problems: Problem[] = [];
  for (const { workload, selector } of workloads) {
    if (selector.kind !== 'namespace') continue;
    try {
      await link(selector.path, join(folder, selector.id), selector.id);
    } catch (error) {
      const message = `its network namespace cannot be linked: ${messageOf(error)}`;
      problems.push({ origin: `workload ${workload.uid}`, message });
    }
  }
  return problems;
}

async function tidy(place: string, id: string): Promise<void> {
  if (namespaceAt(place) !== id) await rm(place, { force: true });
}

async function link(path: string, place: string, id: string): Promise<void> {
  try {
    await symlink(path, place);
  } catch (error) {
    // It is there, or its namespace went just now.
    if (codeOf(error) === 'EEXIST' && [id, undefined].includes(namespaceAt(place))) return;
    throw error;
  }
}
