import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mesh, MeshHost } from '../../e2e/mesh.ts';
import { eventually } from '../../eventually.ts';
import type { Host } from '../../hosts/host.ts';
import { loadedHost } from '../ground.ts';
import type { Load } from '../load.ts';
import { SERVER_PORTS, SERVER_UID } from '../server.ts';
import { OURS } from './index.ts';
import type { Path } from './path.ts';

/** User of the program that calls. */
export const CALLER_UID = 2001;

/** A mesh of two hosts with a server each; the caller is on the first. */
export interface OurHosts {
  readonly alpha: MeshHost;
  readonly beta: MeshHost;
}

const CALLER = { name: 'web', selector: { user: CALLER_UID } };

/** The server as a workload: what is called over plain TCP is told so. */
const server = (host: string): { name: string; selector: { user: number }; [field: string]: unknown } => ({
  name: `server-${host}`,
  serviceAccount: 'server',
  selector: { user: SERVER_UID },
  ports: Object.entries(SERVER_PORTS).map(([name, port]) => ({
    name,
    port,
    protocol: name === 'tcp' ? 'tcp' : 'http',
  })),
});

const serviceOf = (load: Pick<Load, 'layer' | 'place'>): string =>
  `${load.layer.toLowerCase()}-${load.place === 'across' ? 'far' : 'near'}`;

/** The services of the loads, as a file registry lists them. */
export function servicesOf(near: Host, far: Host): readonly unknown[] {
  return (['L7', 'L4'] as const).flatMap(layer =>
    (['across', 'same host'] as const).map(place => {
      const protocol = layer === 'L7' ? 'http' : 'tcp';
      const address = (place === 'across' ? far : near).address;
      return {
        name: serviceOf({ layer, place }),
        ports: [{ name: protocol, number: layer === 'L7' ? 80 : 81, protocol }],
        instances: [{ id: `${layer}-${place}`.replace(' ', '-'), address, port: SERVER_PORTS[protocol] }],
      };
    }),
  );
}

/** Makes the two hosts and writes what the file registry of the loads says. @returns the hosts, and the file. */
export async function ourGround(mesh: Mesh): Promise<{ hosts: readonly [Host, Host]; file: string }> {
  const hosts = [await loadedHost(mesh.network, 'alpha'), await loadedHost(mesh.network, 'beta')] as const;
  const file = join(mesh.control.configDir, 'loads.yaml');
  await writeFile(file, JSON.stringify({ services: servicesOf(...hosts) }));
  return { hosts, file };
}

/** Has the hosts join; the Manager runs. */
export async function joinHosts(mesh: Mesh, [near, far]: readonly [Host, Host]): Promise<OurHosts> {
  const alpha = await mesh.joinHost(near, [CALLER, server('alpha')]);
  const beta = await mesh.joinHost(far, [server('beta')]);
  return { alpha, beta };
}

/** Isthmus: the caller calls services by name, and nothing of it or of the server is configured for it. */
export async function ours(mesh: Mesh, { alpha, beta }: OurHosts, loads: readonly Load[]): Promise<Path> {
  const processes = new Map<string, readonly number[]>();
  const addresses = new Map<string, string>();
  const path: Path = {
    name: OURS,
    target: load => ({
      host: alpha.host,
      uid: CALLER_UID,
      url: `http://${addresses.get(serviceOf(load)) ?? serviceOf(load)}:${load.layer === 'L7' ? 80 : 81}/`,
    }),
    processes: () => processes,
  };
  // The first question after a name is what has the agent learn of it; the load is not to meet that.
  await eventually(
    'every service answers through the mesh',
    async () => {
      for (const load of loads) {
        const { url, uid } = path.target(load);
        await alpha.host.run(['curl', '-sS', '--fail', '-o', '/dev/null', '--max-time', '5', url], { uid: uid! });
      }
      return true;
    },
    Boolean,
  );
  // The other paths are called over IPv4; names would lead wrk to IPv6, whose packets cost the kernel more.
  for (const service of new Set(loads.map(serviceOf))) {
    const answer = await alpha.host.run(['getent', 'ahostsv4', service], { uid: CALLER_UID });
    addresses.set(service, answer.split(/\s/)[0]!);
  }
  const statuses = await eventually(
    'both agents know their Envoy',
    () => Promise.all([alpha, beta].map(host => host.status())),
    found => found.every(({ envoy }) => envoy.pid > 0),
  );
  processes.set(
    'envoy',
    statuses.map(status => status.envoy.pid),
  );
  processes.set(
    'agent',
    statuses.map(status => status.pid),
  );
  processes.set('manager', [mesh.manager.pid]);
  return path;
}
