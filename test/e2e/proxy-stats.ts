import { join } from 'node:path';
import { EnvoyAdmin } from '../../agent/envoy/admin.ts';
import { envoyPaths } from '../../agent/envoy/paths.ts';
import { eventually } from '../eventually.ts';
import type { MeshHost } from './mesh.ts';

/** The sum of those statistics of a host's Envoy whose names a regular expression matches. */
export async function counted({ host }: MeshHost, names: string): Promise<number> {
  const admin = new EnvoyAdmin({ socket: envoyPaths(host.runDir, join(host.stateDir, 'log')).admin });
  return (await admin.stats(names)).reduce((sum, { value }) => sum + value, 0);
}

/** Resolves when so many requests to `reviews` are under way from a host. */
export async function underWay(from: MeshHost, wanted: number): Promise<void> {
  await eventually(
    `${wanted} requests under way`,
    () => counted(from, '^cluster\\.out\\|reviews\\..*\\.upstream_rq_active$'),
    found => found >= wanted,
  );
}
