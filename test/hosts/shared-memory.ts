import { readFile } from 'node:fs/promises';
import { envoyPaths, sharedMemory as memoryOf } from '../../agent/envoy/paths.ts';

/**
 * The memory that the Envoy of a host shares with the one to take over from it: a file that a killed Envoy leaves behind.
 * @throws when there is no Envoy.
 */
export async function sharedMemory(runDir: string): Promise<string> {
  const baseId = await readFile(envoyPaths(runDir, runDir).baseId, 'utf8');
  return memoryOf(Number(baseId));
}
