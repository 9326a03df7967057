import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { makeHosts, SCRATCH } from './host.ts';
import type { Ground } from './paths/path.ts';
import { startServer } from './server.ts';

/** Two hosts with a server each, and certificates: what the baselines stand on. */
export async function makeGround(stack: AsyncDisposableStack, envoy: string): Promise<Ground> {
  const folder = join(SCRATCH, 'plain');
  await mkdir(folder);
  const [caller, far] = await makeHosts('plain', '10.77.0');
  for (const host of [caller, far]) stack.use(await startServer(host, folder));
  return { caller, far, folder, certificates: await makeCertificates(folder), envoy };
}
