import type { ConfigWarning } from '../config/warning.ts';
import type { HostReport, Inspect, ManagerReport, RefusalReport, RegistryReport, RejectionReport } from './inspect.ts';

/** The CA's end is a thing to act on this long before, milliseconds. */
export const CA_WARNING_MS: number = 14 * 24 * 3_600_000;

/** The mesh at a glance: what `isthmus status` prints. */
export interface MeshStatus {
  readonly manager: ManagerReport;
  readonly services: number;
  readonly instances: { readonly total: number; readonly healthy: number; readonly mesh: number };
  /** Services with instances that are not called, since the host that they are on was removed. */
  readonly withheld: readonly { readonly hostname: string; readonly removedHost: string; readonly instances: number }[];
  readonly workloads: number;
  readonly hosts: readonly Pick<
    HostReport,
    'name' | 'address' | 'joinedAt' | 'lease' | 'envoyConnected' | 'agentVersion' | 'envoyVersion'
  >[];
  readonly registries: readonly RegistryReport[];
  readonly config: { readonly objects: number; readonly warnings: readonly ConfigWarning[] };
  /** What hosts refused, with the config objects that caused it. */
  readonly rejections: readonly (RejectionReport & { readonly host: string })[];
  /** What the Manager refused since it started. */
  readonly refusals: readonly RefusalReport[];
}

/** Sums up what is known. */
export function meshStatus(inspect: Inspect, config: MeshStatus['config']): MeshStatus {
  const services = inspect.services();
  const instances = services.flatMap(service => service.instances);
  const hosts = inspect.hosts();
  return {
    manager: inspect.manager(),
    services: services.length,
    instances: {
      total: instances.length,
      healthy: instances.filter(({ health }) => health === 'healthy').length,
      mesh: instances.filter(({ reach }) => reach.kind === 'mesh').length,
    },
    withheld: services.flatMap(({ hostname, withheld }) =>
      [...Map.groupBy(withheld, ({ removedHost }) => removedHost)].map(([removedHost, there]) => ({
        hostname,
        removedHost,
        instances: there.length,
      })),
    ),
    workloads: hosts.reduce((sum, { workloads }) => sum + workloads.length, 0),
    hosts: hosts.map(({ name, address, joinedAt, lease, envoyConnected, agentVersion, envoyVersion }) => ({
      name,
      address,
      joinedAt,
      lease,
      envoyConnected,
      agentVersion,
      envoyVersion,
    })),
    registries: inspect.registries(),
    config,
    rejections: hosts.flatMap(({ name, rejections }) => rejections.map(rejection => ({ ...rejection, host: name }))),
    refusals: inspect.refusals(),
  };
}
