import { rm } from 'node:fs/promises';
import { gone, processRef } from '../../agent/envoy/process-ref.ts';
import { findTools } from '../../agent/redirect/nft.ts';
import { removeRoutes } from '../../agent/redirect/routes.ts';
import { sharedMemory } from '../hosts/shared-memory.ts';
import type { MeshHost } from './mesh.ts';

const LIMIT_MS = 10_000;

/**
 * Kills agent and Envoy, and takes away what a reboot of the host would: the kernel's rules, our routes, everything in /run, and the
 * memory that Envoy shared. The host's other programs go on.
 */
export async function fell(mesh: MeshHost): Promise<void> {
  const { host } = mesh;
  const { envoy } = await mesh.status();
  const ref = await processRef(envoy.pid);
  const memory = await sharedMemory(host.runDir);
  await mesh.agent().kill('SIGKILL');
  process.kill(envoy.pid, 'SIGKILL');
  if (ref) await gone(ref, AbortSignal.timeout(LIMIT_MS));
  await host.run(['/usr/sbin/nft', 'flush', 'ruleset']);
  await removeRoutes(findTools(), host.namespacePath);
  await rm(host.runDir, { recursive: true, force: true });
  await rm(memory);
}
